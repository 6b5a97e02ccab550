/** Critical findings, fresh by the live line and, to be sure, by asking again. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { sentAgain } from '../api/once';
import { keys } from '../api/queries';
import { hasRole, useMe, worksOnConsults } from '../session/useMe';
import { critical, stands, type Acknowledgement, type Critical, type Finding, type NewFinding } from './api';

/** An alarm must not depend on one way alone. */
const refresh_ms = 30_000;

export function useOpenCritical() {
  return useQuery({
    queryKey: [...keys.critical, 'open'],
    queryFn: critical.open,
    refetchInterval: refresh_ms,
    refetchIntervalInBackground: true,
    enabled: worksOnConsults(useMe()),
  });
}

export function useCriticalOf(consult: string) {
  return useQuery({ queryKey: [...keys.critical, consult], queryFn: () => critical.of(consult), refetchInterval: refresh_ms });
}

export function useRules(enabled: boolean) {
  return useQuery({ queryKey: [...keys.critical, 'rules'], queryFn: critical.rules, enabled });
}

export function useRaise(consult: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: NewFinding) => critical.raise(consult, body),
    retry: sentAgain,
    onSuccess: async () => {
      void cache.invalidateQueries({ queryKey: keys.consult(consult) });
      await cache.invalidateQueries({ queryKey: keys.critical });
    },
  });
}

export function useAcknowledge(consult: string, n: number) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: Acknowledgement) => critical.acknowledge(consult, n, body),
    retry: sentAgain,
    onSettled: async () => {
      void cache.invalidateQueries({ queryKey: keys.consult(consult) });
      await cache.invalidateQueries({ queryKey: keys.critical });
    },
  });
}

export function useWithdraw(consult: string, n: number) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (reason: string) => critical.withdraw(consult, n, reason),
    retry: sentAgain,
    onSettled: async () => {
      void cache.invalidateQueries({ queryKey: keys.consult(consult) });
      await cache.invalidateQueries({ queryKey: keys.critical });
    },
  });
}

export interface Alarm {
  of: Critical;
  finding: Finding;
}

/** What must ring on this person's screen: everything for who asked, and for coordinators what nobody answers. */
export function useAlarms(): Alarm[] {
  const me = useMe();
  const open = useOpenCritical();
  const coordinates = hasRole(me, 'coordinator');
  return (open.data?.consults ?? []).flatMap((of) =>
    of.findings
      .filter((finding) => stands(finding) && (of.requesting.id === me.organisation.id || (coordinates && finding.escalated_at !== null)))
      .map((finding) => ({ of, finding })),
  );
}
