/** The map of the application: which address is which place. What is not the first page comes when it is opened. */
import { lazy, Suspense } from 'react';
import { Navigate, Route, Routes } from 'react-router';
import { withLaterWords } from './i18n';
import { SessionGate } from './session/SessionGate';
import { asks, audits, keepsStudies, placesOrders, seesPatients, seesStatistics, uploads } from './session/useMe';
import { For } from './shell/For';
import { HomePage } from './shell/HomePage';
import { Shell } from './shell/Shell';
import { PageSkeleton } from './ui/PageSkeleton';

const AccountPage = lazy(() => withLaterWords(import('./session/AccountPage')));
const AskPage = lazy(() => withLaterWords(import('./consult/AskPage')).then(({ AskPage: page }) => ({ default: page })));
const CasePage = lazy(() => withLaterWords(import('./consult/CasePage')).then(({ CasePage: page }) => ({ default: page })));
const SignedReportPage = lazy(() => withLaterWords(import('./consult/SignedReportPage')).then(({ SignedReportPage: page }) => ({ default: page })));
const SlidesPage = lazy(() => withLaterWords(import('./slides/SlidesPage')).then(({ SlidesPage: page }) => ({ default: page })));
const StudiesPage = lazy(() => withLaterWords(import('./studies/StudiesPage')).then(({ StudiesPage: page }) => ({ default: page })));
const VerifyPage = lazy(() => withLaterWords(import('./verify/VerifyPage')).then(({ VerifyPage: page }) => ({ default: page })));
const AdminPage = lazy(() => withLaterWords(import('./admin/AdminPage')));
const AssignmentPage = lazy(() => withLaterWords(import('./assignment/AssignmentPage')));
const AuditPage = lazy(() => withLaterWords(import('./admin/AuditPage')));
const CorrectionsPage = lazy(() => withLaterWords(import('./corrections/CorrectionsPage')));
const DeidentifyPage = lazy(() => withLaterWords(import('./deidentify/DeidentifyPage')));
const DevicesPage = lazy(() => withLaterWords(import('./devices/DevicesPage')));
const EmergencyPage = lazy(() => withLaterWords(import('./emergency/EmergencyPage')));
const JoinPage = lazy(() => withLaterWords(import('./session/JoinPage')));
const OrdersPage = lazy(() => withLaterWords(import('./orders/OrdersPage')));
const PatientsPage = lazy(() => withLaterWords(import('./patients/PatientsPage')));
const ReportWindow = lazy(() => withLaterWords(import('./reading/window/ReportWindow')));
const SecurityPage = lazy(() => withLaterWords(import('./security/SecurityPage')));
const SlidePage = lazy(() => withLaterWords(import('./slides/SlidePage')));
const StatisticsPage = lazy(() => withLaterWords(import('./statistics/StatisticsPage')));
const StudyCorrectionsPage = lazy(() => withLaterWords(import('./corrections/StudyCorrectionsPage')));
const StudyPage = lazy(() => withLaterWords(import('./reading/StudyPage')));
const TemplatesPage = lazy(() => withLaterWords(import('./templates/TemplatesPage')));
const UploadsPage = lazy(() => withLaterWords(import('./uploads/UploadsPage')));

export function App() {
  return (
    <Suspense fallback={<PageSkeleton />}>
      <Routes>
        <Route path="/verify" element={<VerifyPage />} />
        <Route path="/join" element={<JoinPage />} />
        <Route element={<SessionGate />}>
          <Route path="report-window" element={<ReportWindow />} />
          <Route element={<Shell />}>
            <Route index element={<HomePage />} />
            <Route element={<For may={seesPatients} />}>
              <Route path="studies" element={<StudiesPage />} />
              <Route path="studies/:org/:uid" element={<StudyPage />} />
              <Route path="slides" element={<SlidesPage />} />
              <Route path="slides/:id" element={<SlidePage />} />
            </Route>
            <Route element={<For may={asks} />}>
              <Route path="ask" element={<AskPage />} />
            </Route>
            <Route path="cases/:id" element={<CasePage />} />
            <Route path="cases/:id/report" element={<SignedReportPage />} />
            <Route element={<For may={uploads} />}>
              <Route path="uploads" element={<UploadsPage />} />
            </Route>
            <Route element={<For may={placesOrders} />}>
              <Route path="orders" element={<OrdersPage />} />
            </Route>
            <Route path="devices" element={<DevicesPage />} />
            <Route element={<For may={keepsStudies} />}>
              <Route path="deidentify" element={<DeidentifyPage />} />
            </Route>
            <Route path="corrections" element={<CorrectionsPage />} />
            <Route path="corrections/:uid" element={<StudyCorrectionsPage />} />
            <Route path="emergency" element={<EmergencyPage />} />
            <Route path="patients" element={<PatientsPage />} />
            <Route path="templates" element={<TemplatesPage />} />
            <Route path="assignment" element={<AssignmentPage />} />
            <Route element={<For may={seesStatistics} />}>
              <Route path="statistics" element={<StatisticsPage />} />
            </Route>
            <Route path="account" element={<AccountPage />} />
            <Route path="admin" element={<AdminPage />} />
            <Route element={<For may={audits} />}>
              <Route path="audit" element={<AuditPage />} />
            </Route>
            <Route path="security" element={<SecurityPage />} />
            <Route path="*" element={<Navigate to="/" replace />} />
          </Route>
        </Route>
      </Routes>
    </Suspense>
  );
}
