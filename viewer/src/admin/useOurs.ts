/** The organisations that are ours to look after, and the one whose people or tokens are shown. */
import { useQuery } from '@tanstack/react-query';
import { useSearchParams } from 'react-router';
import { keys } from '../api/queries';
import { useMe } from '../session/useMe';
import { organisations } from './api';

export function useOurs() {
  const me = useMe();
  const [address, setAddress] = useSearchParams();
  const list = useQuery({ queryKey: keys.organisations, queryFn: organisations.list });
  const ours = (list.data?.organisations ?? []).filter((one) => one.is_ours);
  const chosen = ours.find(({ id }) => id === address.get('org'))?.id ?? me.organisation.id;
  const choose = (org: string) => {
    const next = new URLSearchParams(address);
    next.set('org', org);
    setAddress(next, { replace: true });
  };
  return { ours, chosen, choose };
}
