/** What is no image: a structured report as lines, a document as itself. */
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { studies as calls } from '../../../api/endpoints';
import { Unreachable } from '../../../api/problem';
import type { Series, StudyDetail } from '../../../api/types';
import { ErrorNotice } from '../../../ui/ErrorNotice';
import { tags, text, type Instance } from '../dicomJson';
import { fetchMetadata } from '../dicomweb';
import classes from '../Images.module.css';
import { useAgain } from '../useAgain';
import { documentKind } from './documentKind';
import { reportLines } from './structuredReport';

interface Read {
  of: string;
  instances: Instance[];
  error: unknown;
}

export function DocumentView({ study, series }: { study: StudyDetail; series: Series }) {
  const address = `${calls.dicomweb(study.organisation.id, study.study_instance_uid)}/series/${series.series_instance_uid}`;
  const [read, setRead] = useState<Read | null>(null);
  const failure = read !== null && read.of === address ? read.error : null;
  const [times, again] = useAgain(failure !== null, failure instanceof Unreachable);
  useEffect(() => {
    let stale = false;
    const keep = (instances: Instance[], error: unknown) => {
      if (!stale) setRead({ of: address, instances, error });
    };
    fetchMetadata(`${address}/metadata`).then(
      (instances) => keep(instances, null),
      (error: unknown) => keep([], error),
    );
    return () => {
      stale = true;
    };
  }, [address, times]);

  if (read === null || read.of !== address) return <div className={classes.document} />;
  if (read.error !== null) {
    return (
      <div className={classes.document}>
        <ErrorNotice error={read.error} onRetry={again} />
      </div>
    );
  }
  return (
    <div className={classes.document} tabIndex={0} role="document" aria-label={series.description || series.modality}>
      {read.instances.map((instance) => {
        const sop = text(instance, tags.sopInstanceUid);
        return <One key={sop} instance={instance} address={`${address}/instances/${sop}/rendered`} />;
      })}
    </div>
  );
}

function One({ instance, address }: { instance: Instance; address: string }) {
  const { t } = useTranslation();
  const kind = documentKind(instance);
  switch (kind) {
    case 'page':
      return <iframe className={classes.page} title={text(instance, '00420010') || t('images.document.file')} src={address} />;
    case 'video':
      return <Video address={address} name={text(instance, '0008103E') || t('viewing.document.video')} />;
    case 'cda':
    case 'model':
      return <Download address={address} words={t(`viewing.document.${kind}`)} />;
    case 'segmentation':
      return <p>{t('images.segments.asSeries')}</p>;
    case 'report':
      return <Report report={instance} />;
  }
}

/** MPEG-4 and H.264 in most browsers; what this one cannot play is a file to take away. */
function Video({ address, name }: { address: string; name: string }) {
  const { t } = useTranslation();
  const [isRefused, setRefused] = useState(false);
  if (isRefused) return <Download address={address} words={t('viewing.document.noVideo')} />;
  return <video className={classes.video} controls preload="metadata" aria-label={name} src={address} onError={() => setRefused(true)} />;
}

function Download({ address, words }: { address: string; words: string }) {
  const { t } = useTranslation();
  return (
    <p>
      {words}{' '}
      <a href={address} download>
        {t('viewing.document.download')}
      </a>
    </p>
  );
}

function Report({ report }: { report: Instance }) {
  const { t } = useTranslation();
  const { lines, isCut } = reportLines(report);
  if (lines.length === 0) return <p>{t('images.document.none')}</p>;
  return (
    <article>
      {text(report, '0040A493') !== 'VERIFIED' && <p className={classes.measureKind}>{t('images.document.unverified')}</p>}
      {lines.map((line, index) => (
        <p key={index} style={{ paddingInlineStart: line.depth * 16 }}>
          {line.isHeading ? <strong>{line.name}</strong> : <span className={classes.measureKind}>{line.name}</span>} {line.value}
        </p>
      ))}
      {isCut && <p>{t('images.document.cut')}</p>}
    </article>
  );
}
