/** How faithful a slide's pixels are to the scanner's, as a chip that explains itself when asked. */
import { Popover, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Slide } from '../api/types';
import classes from './chips.module.css';

export function GradeChip({ slide }: { slide: Slide }) {
  const { t } = useTranslation();
  const report = slide.grade_report;
  return (
    <Popover width={320} position="bottom-end" withArrow shadow="none" withRoles>
      <Popover.Target>
        <button type="button" className={classes.chip}>
          {t(`grade.chip.${slide.grade}`)}
        </button>
      </Popover.Target>
      <Popover.Dropdown>
        <Stack gap="xs">
          <Text fw={600}>{t(`grade.title.${slide.grade}`)}</Text>
          <Text size="sm">{t(`grade.meaning.${slide.grade}`)}</Text>
          <Text size="sm" c="dimmed">
            {t('grade.checked', { equal: report.tiles_equal, checked: report.tiles_checked })}
            <br />
            {t('grade.codec', { codec: report.codec })}
            {slide.grade !== 'C' && (
              <>
                <br />
                {t('grade.proved')}
              </>
            )}
            <br />
            {t('grade.generations', { n: report.generations })}
          </Text>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
