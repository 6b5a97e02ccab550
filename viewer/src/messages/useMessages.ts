/** Messages on a case, and how many of them are not read. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { keys } from '../api/queries';
import { hasRole, useMe } from '../session/useMe';
import { messages, type NewMessage } from './api';

const refresh_ms = 60_000;

export function useUnread() {
  const me = useMe();
  return useQuery({
    queryKey: keys.unreadMessages,
    queryFn: messages.unread,
    refetchInterval: refresh_ms,
    enabled: hasRole(me, 'requester', 'reader', 'reviewer', 'coordinator'),
  });
}

export function useConversation(consult: string, limit: number) {
  const cache = useQueryClient();
  const conversation = useQuery({
    queryKey: [...keys.messages(consult), limit],
    queryFn: () => messages.list(consult, limit),
    refetchInterval: refresh_ms,
  });
  const { count, read } = conversation.data ?? { count: 0, read: 0 };
  // What is on the screen counts as read.
  useEffect(() => {
    if (count <= read) return;
    void messages.read(consult, count).then(
      () => cache.invalidateQueries({ queryKey: keys.unreadMessages }),
      () => undefined,
    );
  }, [consult, count, read, cache]);
  return conversation;
}

export function useWrite(consult: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (message: NewMessage) => messages.write(consult, message),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.messages(consult) }),
  });
}
