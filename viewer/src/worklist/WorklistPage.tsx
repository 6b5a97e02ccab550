/** Everyone's first page: what waits for an answer, the most urgent on top. */
import { Button, Group, Tabs } from '@mantine/core';
import { useDebouncedValue, useMediaQuery } from '@mantine/hooks';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate, useSearchParams } from 'react-router';
import type { ConsultRow, WorklistTab } from '../api/types';
import { warmImages } from '../reading/warm';
import { hasRole, useMe } from '../session/useMe';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { SearchBox } from '../ui/SearchBox';
import { useKeys } from '../ui/useKeys';
import { ConsultCards } from './ConsultCards';
import { ConsultTable } from './ConsultTable';
import { EmptyWorklist } from './EmptyWorklist';
import { caseAddress, fetchCase } from './openCase';
import { Preview } from './Preview';
import { chosenTab, tabsFor } from './tabs';
import { useClaim, useWorklist } from './useWorklist';
import classes from './Worklist.module.css';

const page = 100;

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
  const [limit, setLimit] = useState(page);
  const worklist = useWorklist({ tab, q, limit });
  const claim = useClaim();
  const searchBox = useRef<HTMLInputElement>(null);
  const [selectedId, setSelectedId] = useState<string | null>(null);
  const [previewing, setPreviewing] = useState(false);

  const rows = worklist.data?.consults ?? [];
  const selectedIndex = Math.max(0, rows.findIndex((row) => row.id === selectedId));
  const selected = rows[selectedIndex];
  const isRequester = hasRole(me, 'requester');
  const reads = hasRole(me, 'reader', 'reviewer');
  const listed = worklist.isSuccess;

  useEffect(() => {
    if (reads && listed) warmImages();
  }, [reads, listed]);

  const move = (by: number) => {
    const next = rows[Math.max(0, Math.min(rows.length - 1, selectedIndex + by))];
    if (next !== undefined) setSelectedId(next.id);
  };
  const open = (row: ConsultRow | undefined) => {
    if (row === undefined) return;
    fetchCase(row);
    void navigate(caseAddress(row));
  };

  useKeys({
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    Enter: () => open(selected),
    Space: () => setPreviewing((shown) => !shown),
    c: () => {
      if (selected?.allowed.includes('claim') === true) claim.mutate(selected);
    },
    '/': () => searchBox.current?.focus(),
    Escape: () => setPreviewing(false),
  });

  const tabName = (name: WorklistTab) => (name === 'mine' && isRequester ? t('worklist.tab.myRequests') : t(`worklist.tab.${name}`));

  return (
    <div className={classes.page}>
      <Group className={classes.bar} justify="space-between" gap="sm">
        <Tabs
          value={tab}
          onChange={(next) => setAddress({ tab: next ?? 'all' }, { replace: true })}
          variant="pills"
          className={classes.tabs}
        >
          <Tabs.List aria-label={t('worklist.tabs')} className={classes.tabList}>
            {tabs.map((name) => (
              <Tabs.Tab
                key={name}
                value={name}
                className={classes.tab}
                data-alarm={(name === 'critical' || name === 'overdue') && (worklist.data?.counts[name] ?? 0) > 0 ? name : undefined}
              >
                {tabName(name)} <span className={classes.count}>{worklist.data?.counts[name] ?? ''}</span>
              </Tabs.Tab>
            ))}
          </Tabs.List>
        </Tabs>
        <Group gap="sm" className={classes.tools}>
          <SearchBox ref={searchBox} value={search} onChange={setSearch} placeholder={t('worklist.search')} />
          {isRequester && (
            <Button component={Link} to="/ask" size="md" className={classes.ask}>
              {t('worklist.ask')}
            </Button>
          )}
        </Group>
      </Group>
      {claim.isError && <ErrorNotice error={claim.error} />}
      {worklist.isError && rows.length === 0 ? (
        <ErrorNotice error={worklist.error} onRetry={() => void worklist.refetch()} />
      ) : (
        <div className={classes.body}>
          <div className={classes.list}>
            {worklist.isPending && <PageSkeleton rows={8} />}
            {worklist.isSuccess && rows.length === 0 && (
              <EmptyWorklist tab={tab} q={q} counts={worklist.data.counts} tabs={tabs} isRequester={isRequester} />
            )}
            {rows.length > 0 &&
              (phone ? (
                <ConsultCards rows={rows} />
              ) : (
                <ConsultTable rows={rows} selectedId={selected?.id ?? null} onSelect={setSelectedId} onOpen={open} onClaim={claim.mutate} />
              ))}
            {worklist.data?.more === true && (
              <Button variant="default" m="md" onClick={() => setLimit(limit + page)}>
                {t('common.more')}
              </Button>
            )}
          </div>
          {previewing && selected !== undefined && <Preview row={selected} onClose={() => setPreviewing(false)} />}
        </div>
      )}
    </div>
  );
}
