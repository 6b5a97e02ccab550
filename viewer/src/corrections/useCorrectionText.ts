/** A correction in one sentence. */
import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import type { Correction, PatientKey } from '../api/types';
import { jsonName, jsonText } from '../ui/dicomJsonText';
import { displayName } from '../ui/personName';

const attributeNames = {
  '00100010': 'name',
  '00100020': 'patientId',
  '00100021': 'issuer',
  '00100030': 'birthDate',
  '00100040': 'sex',
  '00080050': 'accession',
  '00081030': 'description',
} as const;

const keyText = ({ id, issuer }: PatientKey) => (issuer === '' ? id : `${id} (${issuer})`);

export function useCorrectionText(): (correction: Correction) => string {
  const { t } = useTranslation();
  return useCallback(
    (correction) => {
      switch (correction.kind) {
        case 'identity': {
          const said = Object.keys(correction.attributes).map((tag) => {
            const known = tag in attributeNames ? attributeNames[tag as keyof typeof attributeNames] : null;
            const name = known === null ? tag : t(`corrections.attribute.${known}`);
            const value = tag === '00100010' ? displayName(jsonName(correction.attributes, tag)) : jsonText(correction.attributes, tag);
            return `${name} → ${value === '' ? t('corrections.emptyValue') : value}`;
          });
          return t('corrections.said.identity', { what: said.join(t('common.listSeparator')) });
        }
        case 'merge':
          return t('corrections.said.merge', { from: keyText(correction.from), into: keyText(correction.into) });
        case 'link':
          return t('corrections.said.link', { one: keyText(correction.one), other: keyText(correction.other) });
        case 'move':
          return correction.series.length === 0 ? t('corrections.said.moveAll') : t('corrections.said.move', { n: correction.series.length });
        case 'hide':
          if (correction.instances.length > 0) return t('corrections.said.hideInstances', { n: correction.instances.length });
          return correction.series.length > 0 ? t('corrections.said.hideSeries', { n: correction.series.length }) : t('corrections.said.hideStudy');
        case 'delete':
          if (correction.instance !== null) return t('corrections.said.deleteInstance');
          return correction.series !== null ? t('corrections.said.deleteSeries') : t('corrections.said.deleteStudy');
      }
    },
    [t],
  );
}
