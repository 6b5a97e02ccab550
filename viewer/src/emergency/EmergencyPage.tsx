/** Emergency access: a doctor asks and opens; the security officer of whose studies it was allows, sees and judges. */
import { useTranslation } from 'react-i18next';
import { hasRole, useMe } from '../session/useMe';
import { EmptyState } from '../ui/EmptyState';
import pane from '../ui/Pane.module.css';
import { AskPane } from './AskPane';
import classes from './Emergency.module.css';
import { ReviewPane } from './ReviewPane';

export default function EmergencyPage() {
  const { t } = useTranslation();
  const me = useMe();
  const asks = hasRole(me, 'requester', 'reader', 'reviewer');
  const reviews = hasRole(me, 'security_officer');
  if (!asks && !reviews) return <EmptyState title={t('problem.forbidden')} />;
  return (
    <div className={pane.pane}>
      <div className={classes.page}>
        {reviews && <ReviewPane />}
        {asks && <AskPane />}
      </div>
    </div>
  );
}
