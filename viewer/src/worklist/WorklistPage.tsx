/** Everyone's first page: what waits for an answer, the most urgent on top. */
import { Button, Group, Tabs } from '@mantine/core';
import { useDebouncedValue, useMediaQuery } from '@mantine/hooks';
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate, useSearchParams } from 'react-router';
import type { ConsultRow, Urgency, WorklistTab } from '../api/types';
import { fetchLaterWords } from '../i18n';
import { warmImages } from '../reading/warm';
import { hasRole, useMe } from '../session/useMe';
import { usePreferences } from '../session/usePreferences';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { SearchBox } from '../ui/SearchBox';
import { useKeys } from '../ui/useKeys';
import { chosenColumns } from './columns';
import { ConsultCards } from './ConsultCards';
import { ConsultTable } from './ConsultTable';
import { EmptyWorklist } from './EmptyWorklist';
import { caseAddress, fetchCase } from './openCase';
import { movedTo, selectedAt, withClaimed, type Place } from './selection';
import { chosenTab, tabsFor } from './tabs';
import { useClaim, useWorklist } from './useWorklist';
import type { Filter } from './ViewMenu';
import classes from './Worklist.module.css';

const Preview = lazy(() => import('./Preview').then(({ Preview: preview }) => ({ default: preview })));
const ViewMenu = lazy(() => import('./ViewMenu').then(({ ViewMenu: menu }) => ({ default: menu })));

/** So long rows of the list before may stand in the place of those that are on their way. */
const leftover_ms = 400;

const urgencies: readonly Urgency[] = ['routine', 'urgent', 'emergency', 'frozen'];

/** It comes from the address, so it may be anything. */
function urgencyOf(wanted: string | null): Urgency | null {
  return urgencies.find((one) => one === wanted) ?? null;
}

export function WorklistPage() {
  const { t } = useTranslation();
  const me = useMe();
  const navigate = useNavigate();
  const phone = useMediaQuery('(max-width: 700px)', false, { getInitialValueInEffect: false });
  const [address, setAddress] = useSearchParams();
  const tabs = tabsFor(me);
  const tab = chosenTab(tabs, address.get('tab'));
  const [search, setSearch] = useState(address.get('q') ?? '');
  const [q] = useDebouncedValue(search.trim(), 200);
  const modality = address.get('modality');
  const urgency = urgencyOf(address.get('urgency'));
  const wanted = { tab, q, modality: modality ?? undefined, urgency: urgency ?? undefined };
  const worklist = useWorklist(wanted);
  const { worklist_columns: liked } = usePreferences().preferences;
  const columns = useMemo(() => chosenColumns(liked), [liked]);
  const claim = useClaim();
  const searchBox = useRef<HTMLInputElement>(null);
  const [selectedId, setSelectedId] = useState<string | null>(null);
  /** The list whose last row is wanted. It is chosen page by page, until the end is there or one does something else. */
  const [endOf, setEndOf] = useState<string | null>(null);
  const [previewing, setPreviewing] = useState(false);
  const [place, setPlace] = useState<Place>({ list: '', index: 0 });

  // The rows of the list before stand until those of this one come, but not for long: they would be read as this one's.
  const [wasWaiting] = useDebouncedValue(worklist.isPlaceholderData, leftover_ms);
  const isLate = wasWaiting && worklist.isPlaceholderData;

  const thisList = JSON.stringify(wanted);
  const { counts, hasMore, isReadingMore, isMoreFailed, look, more } = worklist;
  const isSameList = place.list === thisList || worklist.isPlaceholderData;
  const keptId = isSameList ? selectedId : null;
  const rows = useMemo(
    () => (isLate ? [] : withClaimed(worklist.rows, claim.data, keptId, place.index)),
    [isLate, worklist.rows, claim.data, keptId, place.index],
  );
  const selectedIndex = selectedAt(rows, selectedId, isSameList);
  const selected = rows[selectedIndex];
  if (selected?.id === selectedId && !worklist.isPlaceholderData && (place.list !== thisList || place.index !== selectedIndex)) {
    setPlace({ list: thisList, index: selectedIndex });
  }
  const isRequester = hasRole(me, 'requester');
  const reads = hasRole(me, 'reader', 'reviewer');
  const listed = worklist.isSuccess;

  // What is likely to be opened next comes once there is a list to look at.
  useEffect(() => {
    if (!listed) return;
    fetchLaterWords().catch(() => undefined);
    if (reads) warmImages();
  }, [reads, listed]);

  const last = rows.at(-1);
  if (endOf === thisList && last !== undefined && !worklist.isPlaceholderData) {
    if (last.id !== selectedId) setSelectedId(last.id);
    if (!hasMore || isMoreFailed) setEndOf(null);
  }
  const stay = () => setEndOf(null);

  const move = (by: number) => {
    stay();
    const next = rows[movedTo(selectedIndex, by, place.index, rows.length)];
    if (next !== undefined) setSelectedId(next.id);
  };
  const open = useCallback(
    (row: ConsultRow) => {
      fetchCase(row);
      void navigate(caseAddress(row));
    },
    [navigate],
  );

  const { mutate } = claim;
  const take = useCallback(
    (row: ConsultRow) => {
      setSelectedId(row.id);
      mutate(row);
    },
    [mutate, setSelectedId],
  );

  useKeys({
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    Home: () => move(-rows.length),
    End: () => setEndOf(thisList),
    Enter: () => {
      if (selected !== undefined) open(selected);
    },
    Space: () => setPreviewing((shown) => !shown),
    c: () => {
      if (selected?.allowed.includes('claim') === true) take(selected);
    },
    ...Object.fromEntries(tabs.map((name, n) => [String(n + 1), () => applyFilter({ tab: name, q, modality, urgency })])),
    '/': () => searchBox.current?.focus(),
    Escape: () => setPreviewing(false),
  });

  const applyFilter = (filter: Filter) => {
    setSearch(filter.q);
    const parts = { tab: filter.tab, q: filter.q, modality: filter.modality ?? '', urgency: filter.urgency ?? '' };
    setAddress(Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== '')), { replace: true });
  };

  const tabName = (name: WorklistTab) => (name === 'mine' && isRequester ? t('worklist.tab.myRequests') : t(`worklist.tab.${name}`));

  return (
    <div className={classes.page}>
      <Group className={classes.bar} justify="space-between" gap="sm">
        <Tabs
          value={tab}
          onChange={(next) => applyFilter({ tab: tabs.find((one) => one === next) ?? 'all', q, modality, urgency })}
          variant="pills"
          className={classes.tabs}
        >
          <Tabs.List aria-label={t('worklist.tabs')} className={classes.tabList}>
            {tabs.map((name) => (
              <Tabs.Tab
                key={name}
                value={name}
                className={classes.tab}
                data-alarm={(name === 'critical' || name === 'overdue') && (counts?.[name] ?? 0) > 0 ? name : undefined}
              >
                {tabName(name)} <span className={classes.count}>{counts?.[name] ?? ''}</span>
              </Tabs.Tab>
            ))}
          </Tabs.List>
        </Tabs>
        <Group gap="sm" className={classes.tools}>
          <SearchBox ref={searchBox} value={search} onChange={setSearch} placeholder={t('worklist.search')} />
          <Suspense fallback={<Button variant="default">{t('worklist.view.open')}</Button>}>
            <ViewMenu filter={{ tab, q, modality, urgency }} onFilter={applyFilter} withColumns={!phone} />
          </Suspense>
          {isRequester && (
            <Button component={Link} to="/ask" size="md" className={classes.ask}>
              {t('worklist.ask')}
            </Button>
          )}
        </Group>
      </Group>
      {claim.isError && claim.variables.id === selectedId && <ErrorNotice error={claim.error} />}
      {worklist.isError && rows.length === 0 ? (
        <ErrorNotice error={worklist.error} onRetry={() => void worklist.refetch()} />
      ) : (
        <div className={classes.body}>
          <div className={classes.list} onWheel={stay} onPointerDown={stay}>
            {(worklist.isPending || isLate) && <PageSkeleton rows={8} />}
            {counts !== undefined && rows.length === 0 && !hasMore && !isLate && (
              <EmptyWorklist tab={tab} q={q} counts={counts} tabs={tabs} isRequester={isRequester} />
            )}
            {rows.length > 0 &&
              (phone ? (
                <ConsultCards rows={rows} />
              ) : (
                <ConsultTable
                  rows={rows}
                  columns={columns}
                  onLook={look}
                  selectedId={selected?.id ?? null}
                  onSelect={setSelectedId}
                  onOpen={open}
                  onClaim={take}
                />
              ))}
            {hasMore && !isLate && (phone || rows.length === 0 || isMoreFailed) && (
              <Button variant="default" m="md" loading={isReadingMore} onClick={more}>
                {t('common.more')}
              </Button>
            )}
          </div>
          {previewing && selected !== undefined && (
            <Suspense fallback={null}>
              <Preview row={selected} onClose={() => setPreviewing(false)} />
            </Suspense>
          )}
        </div>
      )}
    </div>
  );
}
