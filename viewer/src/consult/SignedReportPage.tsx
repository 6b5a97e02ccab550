/** The signed report as it is: the PDF, whether its signature holds, its versions, and everything needed to check it elsewhere. */
import { Alert, Anchor, Button, Select, Stack, Text, Title } from '@mantine/core';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate, useParams } from 'react-router';
import { consults } from '../api/endpoints';
import type { Consult } from '../api/types';
import { CaseDeliveries } from '../deliveries/CaseDeliveries';
import { ErrorNotice } from '../ui/ErrorNotice';
import { Field } from '../ui/Field';
import { PageBar } from '../ui/PageBar';
import { PageSkeleton } from '../ui/PageSkeleton';
import { Patient } from '../ui/Patient';
import { StateChip } from '../ui/StateChip';
import { useFormat } from '../ui/useFormat';
import { useKeys } from '../ui/useKeys';
import { SignerList } from '../verify/SignerList';
import { VerdictLine } from '../verify/VerdictLine';
import { ReportText } from './Answer';
import classes from './Consult.module.css';
import { useConsult, useStep } from './useConsult';
import { useVerdict } from './useVerdict';

export function SignedReportPage() {
  const { id = '' } = useParams();
  const consult = useConsult(id);
  if (consult.data !== undefined) return <SignedReport consult={consult.data} />;
  return consult.isError ? <ErrorNotice error={consult.error} onRetry={() => void consult.refetch()} /> : <PageSkeleton />;
}

function SignedReport({ consult }: { consult: Consult }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const frame = useRef<HTMLIFrameElement>(null);
  const step = useStep(consult);
  const [v, setV] = useState<number | undefined>(undefined);
  const pdf = consults.file(consult.id, 'report.pdf', { v });
  const [elsewhere, setElsewhere] = useState(false);
  useKeys({ Escape: () => void navigate(`/cases/${consult.id}`) });
  const openElsewhere = () => {
    window.open(pdf, '_blank', 'noopener');
    setElsewhere(true);
  };
  const print = () => {
    // On a phone the page shows no PDF: of what is hidden a blank would be printed, or nothing.
    if (frame.current?.checkVisibility() !== true) return openElsewhere();
    try {
      frame.current.contentWindow?.print();
    } catch {
      // Some browsers' own PDF viewers are not the page's to print.
      openElsewhere();
    }
  };

  return (
    <>
      <PageBar
        actions={
          <>
            <Button component="a" href={pdf} download={`${consult.number}.pdf`} variant="default">
              {t('report.downloadPdf')}
            </Button>
            <Button variant="default" onClick={print}>
              {t('report.print')}
            </Button>
            {consult.allowed.includes('acknowledge') && (
              <Button loading={step.isPending} onClick={() => step.mutate({ action: 'acknowledge' })}>
                {t('consult.action.acknowledge')}
              </Button>
            )}
          </>
        }
      >
        <Patient patient={consult} />
        <StateChip state={consult.state} />
        <span>{consult.number}</span>
      </PageBar>
      {step.isError && <ErrorNotice error={step.error} />}
      {elsewhere && (
        <Alert color="gray" variant="outline" role="status">
          {t('printing.elsewhere')}
        </Alert>
      )}
      <div className={classes.reportBody}>
        {v === undefined && (
          <div className={classes.reportText}>
            <Stack gap="sm" p="md" component="section" aria-label={t('consult.answer')}>
              <ReportText consult={consult} />
            </Stack>
          </div>
        )}
        <iframe ref={frame} key={pdf} className={classes.pdf} src={pdf} title={t('report.pdfTitle')} />
        <aside className={classes.reportSide}>
          <Facts consult={consult} v={v} onVersion={setV} />
        </aside>
      </div>
    </>
  );
}

function Facts({ consult, v, onVersion }: { consult: Consult; v: number | undefined; onVersion: (v: number | undefined) => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const verdict = useVerdict(consult.id);
  const shown = consult.versions.findLast((one) => (v === undefined ? !one.superseded : one.version === v));
  const files = [
    { name: 'report.pdf', label: t('report.file.pdf') },
    { name: 'report.json', label: t('report.file.json') },
    { name: 'report.p7s', label: t('report.file.p7s') },
    { name: 'chain.pem', label: t('report.file.chain') },
    { name: 'report-sr.dcm', label: t('report.file.sr') },
    { name: 'report-pdf.dcm', label: t('report.file.pdfDcm') },
    ...((consult.report?.key_images.length ?? 0) > 0 ? [{ name: 'report-kos.dcm', label: t('report.file.kos') } as const] : []),
    { name: 'report.fhir.json', label: t('report.file.fhir') },
  ] as const;
  return (
    <Stack gap="md">
      <Title order={2} size="h4">
        {t('report.verdict')}
      </Title>
      {verdict.isError && <ErrorNotice error={verdict.error} onRetry={() => void verdict.refetch()} />}
      {verdict.data !== undefined && (
        <>
          <VerdictLine verdict={verdict.data} />
          <SignerList signers={verdict.data.signers} />
        </>
      )}
      {consult.versions.length > 0 && (
        <Select
          label={t('report.versions')}
          allowDeselect={false}
          data={consult.versions.map((one) => ({
            value: String(one.version),
            label: one.superseded
              ? t('report.versionSuperseded', { n: one.version, at: format.moment(one.signed_at) })
              : t('report.version', { n: one.version, at: format.moment(one.signed_at) }),
          }))}
          value={String(v ?? consult.versions.find((one) => !one.superseded)?.version ?? consult.versions.at(-1)?.version)}
          onChange={(value) => onVersion(value === null ? undefined : Number(value))}
        />
      )}
      {shown?.superseded === true && (
        <Alert color="yellow" variant="outline" role="status">
          {t('report.thisIsSuperseded')}
        </Alert>
      )}
      {shown?.amendment !== undefined && (
        <Field label={t(`consult.amend.${shown.amendment.kind}Short`)}>{shown.amendment.reason}</Field>
      )}
      {shown !== undefined && (
        <Field label={t('sign.by')}>
          {shown.signers.map(({ name, key }) => t('sign.keyOf', { name, key: t(`sign.key.${key}`) })).join(t('common.listSeparator'))}
        </Field>
      )}
      <div>
        <Text size="xs" c="dimmed">
          {t('report.files')}
        </Text>
        <Stack gap={4}>
          {files.map(({ name, label }) => (
            <Anchor key={name} href={consults.file(consult.id, name, { v })} download={`${consult.number}.${name}`} size="sm" py={3}>
              {label}
            </Anchor>
          ))}
          {(verdict.data?.signers.length ?? 0) > 1 && (
            <Anchor href={consults.file(consult.id, 'report.p7s', { v, signer: 'reviewer' })} download={`${consult.number}.review.p7s`} size="sm" py={3}>
              {t('report.file.reviewP7s')}
            </Anchor>
          )}
        </Stack>
      </div>
      <CaseDeliveries consult={consult.id} framed={false} />
      <Text size="xs" c="dimmed">
        {t('report.verifyElsewhere')}
      </Text>
    </Stack>
  );
}
