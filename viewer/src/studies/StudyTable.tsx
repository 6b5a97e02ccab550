/** Studies as rows that open. */
import { Button, Table } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate } from 'react-router';
import type { Study } from '../api/types';
import { dicomDate, dicomTime } from '../ui/dicomText';
import { Patient } from '../ui/Patient';
import { markOpen } from '../ui/timing';
import { useExamText } from '../ui/useExamText';
import { useFormat } from '../ui/useFormat';
import classes from './Studies.module.css';
import { askAddress, studyAddress } from './addresses';

export function StudyTable({ studies, mayAsk }: { studies: Study[]; mayAsk: boolean }) {
  const { t } = useTranslation();
  return (
    <Table className={classes.table} stickyHeader horizontalSpacing="sm" verticalSpacing={6} fz="sm">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t('worklist.column.patient')}</Table.Th>
          <Table.Th className={classes.wide}>{t('studies.column.id')}</Table.Th>
          <Table.Th>{t('worklist.column.study')}</Table.Th>
          <Table.Th>{t('studies.column.date')}</Table.Th>
          <Table.Th className={classes.wide}>{t('studies.column.size')}</Table.Th>
          <Table.Th className={classes.wide}>{t('studies.column.organisation')}</Table.Th>
          <Table.Th className={classes.wide}>{t('studies.column.received')}</Table.Th>
          {mayAsk && <Table.Th />}
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {studies.map((study) => (
          <Row key={`${study.organisation.id}/${study.study_instance_uid}`} study={study} mayAsk={mayAsk} />
        ))}
      </Table.Tbody>
    </Table>
  );
}

function Row({ study, mayAsk }: { study: Study; mayAsk: boolean }) {
  const { t } = useTranslation();
  const format = useFormat();
  const examText = useExamText();
  const navigate = useNavigate();
  const address = studyAddress(study);
  const open = () => {
    markOpen();
    void navigate(address);
  };
  return (
    <Table.Tr
      className={classes.row}
      onClick={(event) => {
        if (event.target instanceof Element && event.target.closest('a, button') === null) open();
      }}
    >
      <Table.Td>
        <Link to={address} className={classes.open} onClick={markOpen}>
          <Patient patient={study} />
        </Link>
      </Table.Td>
      <Table.Td className={classes.wide}>{study.patient_id}</Table.Td>
      <Table.Td>
        {examText(study)}
        {study.flags.includes('conflict') && <span className={classes.conflict}>{t('studies.conflict')}</span>}
      </Table.Td>
      <Table.Td className={classes.date}>
        {dicomDate(study.study_date)} {dicomTime(study.study_time)}
      </Table.Td>
      <Table.Td className={classes.wide}>
        {t('studies.size', { series: study.series_count, instances: study.instance_count })}
      </Table.Td>
      <Table.Td className={classes.wide}>{study.organisation.name}</Table.Td>
      <Table.Td className={classes.wide}>{format.moment(study.received_at)}</Table.Td>
      {mayAsk && (
        <Table.Td className={classes.ask}>
          {study.own && (
            <Button component={Link} to={askAddress(study)} size="compact-sm" variant="light">
              {t('studies.ask')}
            </Button>
          )}
        </Table.Td>
      )}
    </Table.Tr>
  );
}
