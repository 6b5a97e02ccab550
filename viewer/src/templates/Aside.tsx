/** What stands between images and report for a while: an earlier report, or the page as it will be printed. */
import { CloseButton, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import classes from './Templates.module.css';

export function Aside({ title, kind, onClose, children }: { title: string; kind: 'prior' | 'page'; onClose: () => void; children: ReactNode }) {
  const { t } = useTranslation();
  return (
    <aside className={classes.aside} data-kind={kind} aria-label={title}>
      <div className={classes.asideHead}>
        <Text fw={600}>{title}</Text>
        <CloseButton aria-label={t('common.close')} onClick={onClose} />
      </div>
      {children}
    </aside>
  );
}
