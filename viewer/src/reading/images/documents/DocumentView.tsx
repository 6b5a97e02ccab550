/** What is no image: a structured report as lines, a document as itself. */
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { studies as calls } from '../../../api/endpoints';
import type { Series, StudyDetail } from '../../../api/types';
import { ErrorNotice } from '../../../ui/ErrorNotice';
import { tags, text, type Instance } from '../dicomJson';
import { fetchMetadata } from '../dicomweb';
import classes from '../Images.module.css';
import { reportLines } from './structuredReport';

interface Read {
  of: string;
  instances: Instance[];
  error: unknown;
}

const encapsulated = '1.2.840.10008.5.1.4.1.1.104.';

export function DocumentView({ study, series }: { study: StudyDetail; series: Series }) {
  const { t } = useTranslation();
  const address = `${calls.dicomweb(study.organisation.id, study.study_instance_uid)}/series/${series.series_instance_uid}`;
  const [read, setRead] = useState<Read | null>(null);
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
  }, [address]);

  if (read === null || read.of !== address) return <div className={classes.document} />;
  if (read.error !== null) {
    return (
      <div className={classes.document}>
        <ErrorNotice error={read.error} />
      </div>
    );
  }
  return (
    <div className={classes.document} tabIndex={0} role="document" aria-label={series.description || series.modality}>
      {read.instances.map((instance) => {
        const sop = text(instance, tags.sopInstanceUid);
        if (text(instance, '00080016').startsWith(encapsulated)) {
          return <iframe key={sop} className={classes.page} title={text(instance, '00420010') || t('images.document.file')} src={`${address}/instances/${sop}/rendered`} />;
        }
        if (text(instance, tags.modality) === 'SEG') return <p key={sop}>{t('images.segments.asSeries')}</p>;
        return <Report key={sop} report={instance} />;
      })}
    </div>
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
