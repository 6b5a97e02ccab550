/** The node's store, as the server speaks of it. */
import { request } from '../api/client';

export type WarningCode =
  | 'disk_full_soon'
  | 'disk_almost_full'
  | 'jobs_set_aside'
  | 'jobs_old'
  | 'fsck_never'
  | 'fsck_old'
  | 'fsck_findings'
  | 'backup_never'
  | 'backup_old'
  | 'codecs_not_confined';

export interface StoreWarning {
  code: WarningCode;
  gravity: 'alarm' | 'warning';
  /** Days, percent, hours or how many, as the code says. */
  n: number;
}

export interface StoreState {
  measured_at: string;
  /** The gravest first. */
  warnings: StoreWarning[];
  disk: {
    total_bytes: number;
    used_bytes: number;
    available_bytes: number;
    /** `null` before it has been measured for a day. */
    bytes_per_day: number | null;
    measured_days: number | null;
    days_left: number | null;
  };
  kept: { studies: number; instances: number; segments: number; segment_bytes: number; files: number; file_bytes: number };
  index: { kind: 'sqlite' | 'postgresql'; version: string; bytes: number };
  jobs: { kind: string; waiting: number; set_aside: number; oldest_at: string | null }[];
  fsck: { at: string; took_s: number; objects: number; findings: number } | null;
  backup: { at: string; what: string } | null;
  codecs: { confinement: string; workers: number | null; free: number | null };
  version: string;
  started_at: string;
}

/** Kinds of jobs that have a name for people, with `_` for a point. */
export const jobKinds = ['forward', 'retrieve', 'commitment', 'delivery', 'time_stamp', 'intake', 'notify_mail', 'notify_webhook'] as const;

export const store = () => request<StoreState>('GET', '/admin/store');
