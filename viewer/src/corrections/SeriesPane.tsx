/** A study's series, with what is hidden of them; and what can be done with some of them, or with all. */
import { Button, Checkbox, Group } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { corrections } from '../api/endpoints';
import type { StudyDetail } from '../api/types';
import { Chip } from '../ui/Chip';
import { CorrectionDialog } from './CorrectionDialog';
import type { SeriesLine } from './correctionFacts';
import classes from './Corrections.module.css';
import { InstanceGrid } from './InstanceGrid';
import { MoveDialog } from './MoveDialog';
import { useSeriesText } from './useSeriesText';

interface Props {
  org: string;
  uid: string;
  /** Nothing when the study is hidden whole. */
  study: StudyDetail | undefined;
  lines: SeriesLine[];
}

type Open = { what: 'hide' | 'delete' | 'move'; series: string[] } | { what: 'hideStudy' | 'deleteStudy' } | null;

export function SeriesPane({ org, uid, study, lines }: Props) {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState<string[]>([]);
  const [open, setOpen] = useState<Open>(null);
  const [expanded, setExpanded] = useState<string | null>(null);
  const series = chosen.filter((one) => lines.some((line) => line.uid === one && line.shown > 0));
  const close = () => {
    setOpen(null);
    setChosen([]);
  };
  const toggle = (one: string) => setChosen(series.includes(one) ? series.filter((other) => other !== one) : [...series, one]);
  const none = series.length === 0;
  return (
    <>
      {lines.length > 0 && (
        <ul className={classes.series}>
          {lines.map((line) => (
            <Line
              key={line.uid}
              line={line}
              chosen={series.includes(line.uid)}
              expanded={expanded === line.uid}
              onToggle={() => toggle(line.uid)}
              onExpand={() => setExpanded(expanded === line.uid ? null : line.uid)}
            >
              {expanded === line.uid && <InstanceGrid org={org} study={uid} series={line.uid} isImage={line.isImage} />}
            </Line>
          ))}
        </ul>
      )}
      {study !== undefined && (
        <Group gap="xs">
          <Button variant="default" disabled={none} onClick={() => setOpen({ what: 'hide', series })}>
            {t('corrections.action.hide', { n: series.length })}
          </Button>
          <Button variant="default" disabled={none} onClick={() => setOpen({ what: 'move', series })}>
            {t('corrections.action.move', { n: series.length })}
          </Button>
          <Button variant="default" disabled={series.length !== 1} onClick={() => setOpen({ what: 'delete', series })}>
            {t('corrections.action.delete')}
          </Button>
          <Button variant="default" ml="auto" onClick={() => setOpen({ what: 'hideStudy' })}>
            {t('corrections.action.hideStudy')}
          </Button>
          <Button variant="outline" color="red" onClick={() => setOpen({ what: 'deleteStudy' })}>
            {t('corrections.action.deleteStudy')}
          </Button>
        </Group>
      )}
      {(open?.what === 'hide' || open?.what === 'hideStudy') && (
        <CorrectionDialog
          title={open.what === 'hide' ? t('corrections.action.hide', { n: open.series.length }) : t('corrections.action.hideStudy')}
          consequences={[t('corrections.effect.hide'), t('corrections.effect.hideLate'), t('corrections.effect.undo')]}
          confirm={t('corrections.do.hide')}
          code="quality"
          onConfirm={(reason) =>
            corrections.make({ kind: 'hide', study: uid, series: open.what === 'hide' ? open.series : [], instances: [] }, reason)
          }
          onClose={close}
        />
      )}
      {open?.what === 'move' && study !== undefined && <MoveDialog study={study} series={open.series} onClose={close} />}
      {(open?.what === 'delete' || open?.what === 'deleteStudy') && (
        <CorrectionDialog
          title={t(open.what === 'delete' ? 'corrections.action.delete' : 'corrections.action.deleteStudy')}
          consequences={[t('corrections.effect.delete'), t('corrections.effect.deleteFinal'), t('corrections.effect.deleteAgain')]}
          confirm={t('corrections.do.delete')}
          code="other"
          final
          onConfirm={(reason) => corrections.delete({ study: uid, series: open.what === 'delete' ? open.series[0] : undefined }, reason)}
          onClose={close}
        />
      )}
    </>
  );
}

interface LineProps {
  line: SeriesLine;
  chosen: boolean;
  expanded: boolean;
  onToggle: () => void;
  onExpand: () => void;
  children: ReactNode;
}

function Line({ line, chosen, expanded, onToggle, onExpand, children }: LineProps) {
  const { t } = useTranslation();
  const seriesText = useSeriesText();
  const name = seriesText(line);
  const gone = line.shown === 0;
  return (
    <li className={classes.one} data-hidden={gone || undefined}>
      <div className={classes.row}>
        <Checkbox aria-label={name} checked={chosen} disabled={gone} onChange={onToggle} />
        <span className={classes.name}>{name}</span>
        {line.shown > 0 && <span>{t('corrections.shownCount', { n: line.shown })}</span>}
        {line.hidden > 0 && (
          <Chip tone="alarm">{gone ? t('corrections.hiddenWhole', { n: line.hidden }) : t('corrections.hiddenCount', { n: line.hidden })}</Chip>
        )}
        {!gone && (
          <Button size="compact-sm" variant="subtle" aria-expanded={expanded} onClick={onExpand}>
            {t(expanded ? 'corrections.close' : 'corrections.open')}
          </Button>
        )}
      </div>
      {children}
    </li>
  );
}
