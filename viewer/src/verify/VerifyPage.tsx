/** For anyone, without a login: is this report what was signed, and by whom? */
import { Anchor, Button, FileButton, Group, Paper, Stack, Text, Title } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState, type DragEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useSearchParams } from 'react-router';
import { verifyFiles } from '../api/endpoints';
import type { Verdict } from '../api/types';
import { ConnectionBar } from '../shell/ConnectionBar';
import { ErrorNotice } from '../ui/ErrorNotice';
import { LanguageSwitch } from '../ui/LanguageSwitch';
import { useTitle } from '../ui/useTitle';
import { askedReport, isAsked, type AskedReport } from './askedReport';
import { SignerList } from './SignerList';
import { readyToVerify, sortFiles, type ReportFiles } from './sortFiles';
import { VerdictTable } from './VerdictTable';
import classes from './Verify.module.css';

export function VerifyPage() {
  const { t } = useTranslation();
  const [files, setFiles] = useState<ReportFiles>({ report: null, signatures: [] });
  const [over, setOver] = useState(false);
  useTitle(t('verify.title'));
  const [search] = useSearchParams();
  const asked = askedReport(search);
  const check = useMutation({
    mutationFn: ({ report, signatures }: ReportFiles) => (report === null ? Promise.reject(new Error('no report')) : verifyFiles(report, signatures)),
  });

  const take = (taken: readonly File[]) => {
    const next = sortFiles(files, taken);
    setFiles(next);
    check.reset();
    if (readyToVerify(next)) check.mutate(next);
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    take([...event.dataTransfer.files]);
  };

  return (
    <>
      <ConnectionBar />
      <main className={classes.page}>
        <Stack gap="lg">
          <Group justify="space-between">
            <Title order={1} size="h2">
              {t('verify.title')}
            </Title>
            <LanguageSwitch />
          </Group>
          <Text c="dimmed">{t('verify.explain')}</Text>
          {asked !== null && (
            <Paper withBorder p="md">
              <Text size="sm" fw={600}>
                {t('verify.asked')}
              </Text>
              <Text size="sm">{t('verify.askedNumber', { number: asked.number })}</Text>
              <Text size="xs" c="dimmed" className={classes.hash}>
                {t('verify.askedHash', { hash: asked.sha256 })}
              </Text>
            </Paper>
          )}
          <div
            className={classes.drop}
            data-over={over || undefined}
            onDragOver={(event) => {
              event.preventDefault();
              setOver(true);
            }}
            onDragLeave={() => setOver(false)}
            onDrop={drop}
          >
            <Text>{t('verify.drop')}</Text>
            <FileButton onChange={take} multiple accept=".json,.pdf,.p7s" inputProps={{ 'aria-label': t('verify.choose') }}>
              {(props) => <Button {...props}>{t('verify.choose')}</Button>}
            </FileButton>
            <Text size="sm">
              {[files.report, ...files.signatures].flatMap((file) => (file === null ? [] : [file.name])).join(' + ')}
            </Text>
            {files.report !== null && !readyToVerify(files) && <Text size="sm">{t('verify.needSignature')}</Text>}
            {files.report === null && files.signatures.length > 0 && <Text size="sm">{t('verify.needReport')}</Text>}
          </div>
          {check.isError && <ErrorNotice error={check.error} />}
          {check.data !== undefined && <Result verdict={check.data} asked={asked} />}
          <Anchor component={Link} to="/" size="sm">
            {t('verify.toApp')}
          </Anchor>
        </Stack>
      </main>
    </>
  );
}

function Result({ verdict, asked }: { verdict: Verdict; asked: AskedReport | null }) {
  const { t } = useTranslation();
  return (
    <Paper withBorder p="md" role="status">
      <Stack gap="md">
        {asked !== null && (
          <Text size="sm" fw={600} c={isAsked(asked, verdict) ? undefined : 'red'}>
            {isAsked(asked, verdict) ? t('verify.matches') : t('verify.differs')}
          </Text>
        )}
        <VerdictTable verdict={verdict} />
        <SignerList signers={verdict.signers} />
      </Stack>
    </Paper>
  );
}
