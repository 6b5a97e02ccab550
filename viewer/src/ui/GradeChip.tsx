/** How faithful a slide's pixels are to the scanner's, as a chip that explains itself when asked. */
import { Anchor, Popover, Stack, Text } from '@mantine/core';
import type { TFunction } from 'i18next';
import { useTranslation } from 'react-i18next';
import { slides } from '../api/endpoints';
import type { Slide } from '../api/types';
import { bytesText } from '../uploads/sizes';
import classes from './chips.module.css';
import { leftOutText, reasonText } from './leftOut';

/** What was left out is told one by one up to here. */
const omittedMax = 8;

export function GradeChip({ slide }: { slide: Slide }) {
  const { t } = useTranslation();
  return (
    <Popover width={340} position="bottom-end" withArrow shadow="none" withRoles>
      <Popover.Target>
        <button type="button" className={classes.chip}>
          {t(`grade.chip.${gradeWord(slide)}`)}
        </button>
      </Popover.Target>
      <Popover.Dropdown>
        <Stack gap="xs">
          <Text fw={600}>{t(`grade.title.${gradeWord(slide)}`)}</Text>
          <Text size="sm">{t(`grade.meaning.${gradeWord(slide)}`)}</Text>
          <ul className={classes.facts}>
            {facts(slide, t).map((fact) => (
              <li key={fact}>{fact}</li>
            ))}
          </ul>
          <LeftOut slide={slide} />
          <Original slide={slide} />
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}

/** Of grade C it makes a difference whether anything could be lost. */
export function gradeWord(slide: Slide): Slide['grade'] | 'lossless' {
  return slide.grade === 'C' && slide.grade_report.generations === 0 ? 'lossless' : slide.grade;
}

function facts(slide: Slide, t: TFunction): string[] {
  const report = slide.grade_report;
  const { likeness } = report;
  const said: string[] = [];
  const word = gradeWord(slide);
  if (word === 'A' || word === 'B' || word === 'lossless') {
    said.push(t('grade.checked', { equal: report.tiles_equal, checked: report.tiles_checked }), t(`grade.proved.${word}`));
  }
  if (likeness) said.push(t('fidelity.likeness', { tiles: likeness.tiles, psnr: likeness.psnr_db_worst.toFixed(1) }));
  if (report.filled > 0) said.push(t('fidelity.filled', { n: report.filled }));
  if (report.reason !== undefined) said.push(t('fidelity.reason', { reason: reasonText(t, report.reason) }));
  said.push(t('grade.codec', { codec: report.codec }));
  said.push(t(slide.as_received ? 'grade.encodings' : 'grade.generations', { n: report.generations }));
  return said;
}

function LeftOut({ slide }: { slide: Slide }) {
  const { t } = useTranslation();
  if (slide.omitted.length === 0) return null;
  const more = slide.omitted.length - omittedMax;
  return (
    <div data-testid="left-out">
      <Text size="sm">{t(slide.as_received ? 'fidelity.omittedReceived' : 'fidelity.omitted')}</Text>
      <ul className={classes.facts}>
        {slide.omitted.slice(0, omittedMax).map((omitted, number) => (
          <li key={number}>{leftOutText(t, omitted)}</li>
        ))}
        {more > 0 && <li>{t('fidelity.more', { n: more })}</li>}
      </ul>
    </div>
  );
}

/** For whoever may have the file with its label. */
function Original({ slide }: { slide: Slide }) {
  const { t } = useTranslation();
  const { original } = slide;
  if (original === null) return null;
  return (
    <Text size="sm">
      {original.files === null ? t('fidelity.original') : t('fidelity.originalFiles', { n: original.files })}{' '}
      <Anchor inherit href={slides.original(slide.id)} download>
        {t('fidelity.download', { size: bytesText(original.bytes) })}
      </Anchor>
    </Text>
  );
}
