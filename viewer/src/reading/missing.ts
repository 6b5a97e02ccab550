/** The names of fields that the server still misses. */
import type { TFunction } from 'i18next';

const known = ['findings', 'diagnosis', 'recommendation', 'evidence'] as const;

export function missingNames(fields: readonly string[], t: TFunction): string {
  return fields
    .map((field) => {
      const name = known.find((one) => one === field);
      return name === undefined ? field : t(`canonical.${name}`);
    })
    .join(t('common.listSeparator'));
}
