/** The map of the application: which address is which place. The image viewers are loaded only where they are shown. */
import { lazy, Suspense } from 'react';
import { Navigate, Route, Routes } from 'react-router';
import { AskPage } from './consult/AskPage';
import { SignedReportPage } from './consult/SignedReportPage';
import { CasePage } from './consult/CasePage';
import { SessionGate } from './session/SessionGate';
import { HomePage } from './shell/HomePage';
import { Shell } from './shell/Shell';
import { SlidesPage } from './slides/SlidesPage';
import { StudiesPage } from './studies/StudiesPage';
import { PageSkeleton } from './ui/PageSkeleton';
import { VerifyPage } from './verify/VerifyPage';

const AccountPage = lazy(() => import('./session/AccountPage'));
const AdminPage = lazy(() => import('./admin/AdminPage'));
const AuditPage = lazy(() => import('./admin/AuditPage'));
const CorrectionsPage = lazy(() => import('./corrections/CorrectionsPage'));
const DevicesPage = lazy(() => import('./devices/DevicesPage'));
const JoinPage = lazy(() => import('./session/JoinPage'));
const OrdersPage = lazy(() => import('./orders/OrdersPage'));
const SlidePage = lazy(() => import('./slides/SlidePage'));
const StatisticsPage = lazy(() => import('./statistics/StatisticsPage'));
const StudyCorrectionsPage = lazy(() => import('./corrections/StudyCorrectionsPage'));
const StudyPage = lazy(() => import('./reading/StudyPage'));
const TemplatesPage = lazy(() => import('./templates/TemplatesPage'));
const UploadsPage = lazy(() => import('./uploads/UploadsPage'));

export function App() {
  return (
    <Suspense fallback={<PageSkeleton />}>
      <Routes>
        <Route path="/verify" element={<VerifyPage />} />
        <Route path="/join" element={<JoinPage />} />
        <Route element={<SessionGate />}>
          <Route element={<Shell />}>
            <Route index element={<HomePage />} />
            <Route path="studies" element={<StudiesPage />} />
            <Route path="studies/:org/:uid" element={<StudyPage />} />
            <Route path="slides" element={<SlidesPage />} />
            <Route path="slides/:id" element={<SlidePage />} />
            <Route path="ask" element={<AskPage />} />
            <Route path="cases/:id" element={<CasePage />} />
            <Route path="cases/:id/report" element={<SignedReportPage />} />
            <Route path="uploads" element={<UploadsPage />} />
            <Route path="orders" element={<OrdersPage />} />
            <Route path="devices" element={<DevicesPage />} />
            <Route path="corrections" element={<CorrectionsPage />} />
            <Route path="corrections/:uid" element={<StudyCorrectionsPage />} />
            <Route path="templates" element={<TemplatesPage />} />
            <Route path="statistics" element={<StatisticsPage />} />
            <Route path="account" element={<AccountPage />} />
            <Route path="admin" element={<AdminPage />} />
            <Route path="audit" element={<AuditPage />} />
            <Route path="*" element={<Navigate to="/" replace />} />
          </Route>
        </Route>
      </Routes>
    </Suspense>
  );
}
