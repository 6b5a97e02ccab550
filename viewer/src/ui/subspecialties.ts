/** What a reader may know best within their field; imaging first, then pathology. */
export const subspecialties = [
  'neuro',
  'head_neck',
  'chest',
  'cardiovascular',
  'breast',
  'abdomen',
  'musculoskeletal',
  'paediatric',
  'gastrointestinal',
  'gynaecological',
  'urological',
  'haematopathology',
  'dermatopathology',
  'pulmonary',
  'soft_tissue_bone',
  'cytology',
] as const;

export type Subspecialty = (typeof subspecialties)[number];
