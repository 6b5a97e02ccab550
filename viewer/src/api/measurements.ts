/** What people measure on images. Shapes and calls of /api/v1/studies/{org}/{study}/measurements. */
import { apiRoot, request } from './client';
import type { Ref } from './types';

const segment = encodeURIComponent;

export type MeasurementKind = 'length' | 'angle' | 'cobb' | 'ratio' | 'ellipse' | 'rectangle' | 'probe' | 'arrow';
export type Quantity =
  | 'length'
  | 'angle'
  | 'area'
  | 'mean'
  | 'standard_deviation'
  | 'minimum'
  | 'maximum'
  | 'pixel_value'
  | 'cardiothoracic_ratio';
export type Unit = 'mm' | 'cm' | 'mm2' | 'cm2' | 'px' | 'px2' | 'deg' | 'HU' | 'SUV' | '1';

export interface MeasuredValue {
  quantity: Quantity;
  value: number;
  unit: Unit;
}

export interface Measurement {
  /** A UID. */
  id: string;
  kind: MeasurementKind;
  series: string;
  instance: string;
  /** From 1. */
  frame: number;
  /** Column and row; the middle of the first pixel is 0.5, 0.5. */
  points: [number, number][];
  values: MeasuredValue[];
  text: string;
}

export interface MeasurementSheet {
  version: number;
  person: string;
  name: string;
  organisation: Ref;
  own: boolean;
  changed_at: string;
  measurements: Measurement[];
}

const at = (org: string, study: string) => `/studies/${segment(org)}/${segment(study)}/measurements`;

export const measurements = {
  list: async (org: string, study: string) => (await request<{ sheets: MeasurementSheet[] }>('GET', at(org, study))).sheets,
  /** Also goes out when the page is being left. */
  save: (org: string, study: string, version: number, all: Measurement[]) =>
    request<MeasurementSheet>('PUT', at(org, study), { body: { version, measurements: all }, keepalive: true }),
  dicom: (org: string, study: string) => `${apiRoot}${at(org, study)}.dcm`,
};
