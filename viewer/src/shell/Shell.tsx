/** The frame around every place: brand, places, whose desk this is, and the keys that work everywhere. */
import { lazy, Suspense, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, NavLink, Outlet, useLocation, useNavigate } from 'react-router';
import { CriticalBanner } from '../alarms/CriticalBanner';
import { subscribe, waitingElsewhere } from '../consult/waiting';
import { LiveSign } from '../live/LiveSign';
import { withLaterWords } from '../i18n';
import { Bell } from '../notices/Bell';
import { useAppearance } from '../session/usePreferences';
import { administers, audits, hasRole, keepsStudies, placesOrders, seesPatients, seesStatistics, uploads, useMe, worksOnConsults } from '../session/useMe';
import { PageBoundary } from '../ui/PageBoundary';
import { useKeys } from '../ui/useKeys';
import { useTitle } from '../ui/useTitle';
import { ConnectionBar } from './ConnectionBar';
import { PersonMenu } from './PersonMenu';
import { placeKey } from './placeName';
import classes from './Shell.module.css';

const WaitingQuestions = lazy(() => withLaterWords(import('../consult/WaitingQuestions')));
const KeysHelp = lazy(() => withLaterWords(import('../ui/KeysHelp')).then(({ KeysHelp: help }) => ({ default: help })));

export function Shell() {
  const { t, i18n } = useTranslation();
  const me = useMe();
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const [keysShown, setKeysShown] = useState<boolean | null>(null);
  const main = useRef<HTMLElement>(null);
  const shown = useRef(pathname);
  const waiting = useSyncExternalStore(subscribe, waitingElsewhere);
  useAppearance();
  const place = `place.${placeKey(pathname)}`;
  useTitle(i18n.exists(place) ? t(place as 'place.worklist') : null);

  // The keyboard, and whoever listens, go on in the page that has come, unless it has put the focus somewhere itself.
  useEffect(() => {
    if (shown.current === pathname) return;
    shown.current = pathname;
    if (main.current?.contains(document.activeElement) === false) main.current.focus({ preventScroll: true });
  }, [pathname]);

  useKeys({
    '?': () => setKeysShown(true),
    'g w': () => void navigate('/'),
  });

  const places = [
    ...(worksOnConsults(me) ? [{ to: '/', name: t('place.worklist') }] : []),
    ...(seesPatients(me)
      ? [
          { to: '/studies', name: t('place.studies') },
          { to: '/slides', name: t('place.slides') },
        ]
      : []),
    ...(seesPatients(me) && !hasRole(me, 'learner') ? [{ to: '/patients', name: t('place.patients') }] : []),
    ...(uploads(me) ? [{ to: '/uploads', name: t('place.uploads') }] : []),
    ...(placesOrders(me) ? [{ to: '/orders', name: t('place.orders') }] : []),
    ...(seesStatistics(me) ? [{ to: '/statistics', name: t('place.statistics') }] : []),
    ...(hasRole(me, 'coordinator') ? [{ to: '/assignment', name: t('place.assignment') }] : []),
    ...(keepsStudies(me) ? [{ to: '/corrections', name: t('place.corrections') }] : []),
    ...(keepsStudies(me) ? [{ to: '/deidentify', name: t('place.deidentify') }] : []),
    ...(hasRole(me, 'administrator', 'coordinator') ? [{ to: '/devices', name: t('place.devices') }] : []),
    ...(hasRole(me, 'administrator', 'coordinator') ? [{ to: '/templates', name: t('place.templates') }] : []),
    ...(hasRole(me, 'security_officer') ? [{ to: '/security', name: t('place.security') }] : []),
    ...(administers(me) ? [{ to: '/admin', name: t('place.admin') }] : []),
    ...(hasRole(me, 'requester', 'reader', 'reviewer', 'security_officer') ? [{ to: '/emergency', name: t('place.emergency') }] : []),
    ...(audits(me) ? [{ to: '/audit', name: t('place.audit') }] : []),
  ];

  return (
    <div className={classes.shell}>
      <button type="button" className={classes.skip} onClick={() => main.current?.focus()}>
        {t('place.skip')}
      </button>
      <ConnectionBar />
      <CriticalBanner />
      <header className={classes.header}>
        <Link to="/" className={classes.brand}>
          {t('app.brand')}
        </Link>
        <nav className={classes.places} aria-label={t('place.label')}>
          {places.map(({ to, name }) => (
            <NavLink key={to} to={to} end={to === '/'} className={classes.place ?? ''}>
              {name}
            </NavLink>
          ))}
        </nav>
        <LiveSign />
        <Bell />
        <PersonMenu onShowKeys={() => setKeysShown(true)} />
      </header>
      {waiting.length > 0 && (
        <PageBoundary place={pathname}>
          <Suspense fallback={null}>
            <WaitingQuestions list={waiting} />
          </Suspense>
        </PageBoundary>
      )}
      <main ref={main} className={classes.main} tabIndex={-1}>
        <PageBoundary place={pathname}>
          <Outlet />
        </PageBoundary>
      </main>
      {keysShown !== null && (
        <PageBoundary place={pathname}>
          <Suspense fallback={null}>
            <KeysHelp opened={keysShown} onClose={() => setKeysShown(false)} />
          </Suspense>
        </PageBoundary>
      )}
    </div>
  );
}
