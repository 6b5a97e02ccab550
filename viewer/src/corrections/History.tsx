/** What was corrected, by whom and why, newest first; and taking it back. */
import { Button, Text } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { corrections } from '../api/endpoints';
import type { CorrectionItem } from '../api/types';
import { Chip } from '../ui/Chip';
import { useFormat } from '../ui/useFormat';
import { CorrectionDialog } from './CorrectionDialog';
import classes from './Corrections.module.css';
import { studyOf } from './correctionFacts';
import { useCorrectionText } from './useCorrectionText';

export function History({ items, linked = false }: { items: CorrectionItem[]; linked?: boolean }) {
  const { t } = useTranslation();
  const correctionText = useCorrectionText();
  const [undoing, setUndoing] = useState<CorrectionItem | null>(null);
  return (
    <>
      <ul className={classes.history} aria-label={t('corrections.history')}>
        {items.map((item) => (
          <Entry key={item.id} item={item} linked={linked} onUndo={() => setUndoing(item)} />
        ))}
      </ul>
      {undoing !== null && (
        <CorrectionDialog
          title={t('corrections.undo.title')}
          consequences={[
            correctionText(undoing.correction),
            t(`corrections.undo.effect.${undoing.correction.kind === 'delete' ? 'hide' : undoing.correction.kind}`),
          ]}
          confirm={t('corrections.undo.confirm')}
          code="other"
          onConfirm={(reason) => corrections.undo(undoing.id, reason)}
          onClose={() => setUndoing(null)}
        />
      )}
    </>
  );
}

const tones = { active: 'active', running: 'alarm', done: 'quiet', undone: 'quiet', suspended: 'quiet' } as const;

function Entry({ item, linked, onUndo }: { item: CorrectionItem; linked: boolean; onUndo: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const correctionText = useCorrectionText();
  const study = studyOf(item.correction);
  return (
    <li>
      <div className={classes.words}>
        <div>
          <Chip tone={tones[item.state]}>{t(`corrections.state.${item.state}`)}</Chip> {correctionText(item.correction)}
        </div>
        <Text size="sm">
          {t(`corrections.code.${item.reason.code}`)}
          {t('common.colon')}
          {item.reason.text}
        </Text>
        <div className={classes.quiet}>
          {item.made_by_name ?? item.made_by} · {format.moment(item.made_at)}
        </div>
        {item.state === 'active' && item.identity_inside > 0 && (
          <Text size="sm" c="yellow">
            {t('corrections.inside', { n: item.identity_inside })}
          </Text>
        )}
        {item.undone_at !== null && (
          <div className={classes.quiet}>
            {t('corrections.undoneBy', {
              who: item.undone_by_name ?? item.undone_by ?? '',
              at: format.moment(item.undone_at),
              why: item.undo_reason ?? '',
            })}
          </div>
        )}
      </div>
      {linked && study !== null && item.correction.kind !== 'delete' && (
        <Button size="compact-sm" variant="subtle" component={Link} to={`/corrections/${study}`}>
          {t('corrections.openStudy')}
        </Button>
      )}
      {item.state === 'active' && (
        <Button size="compact-sm" variant="default" onClick={onUndo}>
          {t('corrections.undo.button')}
        </Button>
      )}
    </li>
  );
}
