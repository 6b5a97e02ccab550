/** How faithful a slide's pixels are to the scanner's, as a chip that explains itself when asked. */
import { Popover, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Grade, Slide } from '../api/types';
import classes from './chips.module.css';

/** The grade, or that nothing was compared because the slide came as DICOM. */
export function gradeWord(slide: Slide): Grade | 'received' {
  return slide.as_received ? 'received' : slide.grade;
}

export function GradeChip({ slide }: { slide: Slide }) {
  const { t } = useTranslation();
  const report = slide.grade_report;
  const word = gradeWord(slide);
  return (
    <Popover width={320} position="bottom-end" withArrow shadow="none" withRoles>
      <Popover.Target>
        <button type="button" className={classes.chip}>
          {t(`grade.chip.${word}`)}
        </button>
      </Popover.Target>
      <Popover.Dropdown>
        <Stack gap="xs">
          <Text fw={600}>{t(`grade.title.${word}`)}</Text>
          <Text size="sm">{t(`grade.meaning.${word}`)}</Text>
          <Text size="sm" c="dimmed">
            {!slide.as_received && (
              <>
                {t('grade.checked', { equal: report.tiles_equal, checked: report.tiles_checked })}
                <br />
              </>
            )}
            {t('grade.codec', { codec: report.codec })}
            {!slide.as_received && slide.grade !== 'C' && (
              <>
                <br />
                {t(`grade.proved.${slide.grade}`)}
              </>
            )}
            <br />
            {t(slide.as_received ? 'grade.encodings' : 'grade.generations', { n: report.generations })}
          </Text>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
