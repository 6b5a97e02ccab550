/** Whether the study that is asked about is still arriving, and what of it did not: then the question waits. */
import { useQuery } from '@tanstack/react-query';
import { useSyncExternalStore } from 'react';
import { studies } from '../api/endpoints';
import { keys } from '../api/queries';
import { useStudy } from '../reading/useStudy';
import { useMe } from '../session/useMe';
import { uploads } from '../studies/uploads';
import { transfers } from '../uploads/TransferQueue';
import { useTransfers } from '../uploads/useUploads';
import type { AskStudy } from './askDraft';
import { ownFiles, type OwnFiles } from './ownFiles';

const whileItArrives_ms = 1_000;
const otherwise_ms = 5_000;

export interface Arriving {
  isArriving: boolean;
  /** Whether the server would take the question, although files of this page are still coming; `null` until it has said so. */
  mayGo: boolean | null;
  own: OwnFiles;
  /** Asks the server now. */
  look: () => Promise<boolean>;
}

/** `inBackground`: a question waits for the answer, whichever page is in front. */
export function useArriving(study: AskStudy | null, { inBackground }: { inBackground: boolean }): Arriving {
  const { organisation } = useMe();
  const [org, uid] = [study?.org ?? '', study?.study_instance_uid ?? ''];
  const { patient_id = '', accession_number = '' } = useStudy(org, uid).data ?? {};
  const small = useSyncExternalStore(uploads.subscribe, uploads.snapshot);
  const own = ownFiles({ study_instance_uid: uid, patient_id, accession_number }, small, useTransfers());
  const server = useQuery({
    queryKey: keys.arriving(org, uid),
    queryFn: () => studies.arriving(org, uid),
    enabled: org === organisation.id,
    refetchInterval: ({ state }) => (state.data?.is_arriving === true ? whileItArrives_ms : otherwise_ms),
    refetchIntervalInBackground: inBackground,
  });
  const look = async () => (await server.refetch()).data?.is_arriving ?? false;
  const isArrivingThere = server.data?.is_arriving ?? false;
  return { isArriving: own.coming > 0 || isArrivingThere, mayGo: server.isLoading ? null : !isArrivingThere, own, look };
}

/** Sends again what did not come. */
export function sendAgain({ failed }: OwnFiles): void {
  uploads.retry(failed.uploads);
  for (const key of failed.transfers) transfers.resume(key);
}

/** Somebody has said that it is not wanted. */
export function doWithout({ failed }: OwnFiles): void {
  uploads.stop(failed.uploads);
  for (const key of failed.transfers) transfers.cancel(key);
}
