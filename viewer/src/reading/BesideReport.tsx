/** What can be opened beside a report that is being written: an earlier one, or the page as it will be printed. */
import { useTranslation } from 'react-i18next';
import type { Consult } from '../api/types';
import { Aside } from '../templates/Aside';
import { DraftPage } from '../templates/DraftPage';
import { PriorReportsPane } from '../templates/PriorReportsPane';
import classes from '../templates/Templates.module.css';
import { priorWriting, type Report } from './useReport';

export type Beside = 'prior' | 'page';

interface Props {
  what: Beside;
  consult: Consult;
  report: Report;
  isMine: boolean;
  editable: boolean;
  onClose: () => void;
}

export function BesideReport({ what, consult, report, isMine, editable, onClose }: Props) {
  const { t } = useTranslation();
  if (what === 'prior') {
    return (
      <Aside title={t('priors.title')} kind="prior" onClose={onClose}>
        <div className={classes.asideBody}>
          <PriorReportsPane consult={consult.id} compared={report.text.compared} writes={editable && report.other === null ? priorWriting(report) : null} />
        </div>
      </Aside>
    );
  }
  // Who neither writes nor has a signed version has no page.
  if (!isMine && consult.versions.length === 0) return null;
  return (
    <Aside title={t('templates.page')} kind="page" onClose={onClose}>
      <DraftPage consult={consult} isDraft={isMine} saved={report.state.kind === 'saved' ? report.state.at : null} flush={report.flush} />
    </Aside>
  );
}
