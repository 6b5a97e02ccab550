/** Messages on a case, and how many of them are not read. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useSyncExternalStore } from 'react';
import { sentAgain } from '../api/once';
import { keys } from '../api/queries';
import { hasRole, useMe } from '../session/useMe';
import { messages, type NewMessage } from './api';

const refresh_ms = 60_000;
const page = 50;

const isVisible = () => document.visibilityState === 'visible';

function onVisibility(listener: () => void): () => void {
  document.addEventListener('visibilitychange', listener);
  return () => document.removeEventListener('visibilitychange', listener);
}

export function useUnread() {
  const me = useMe();
  return useQuery({
    queryKey: keys.unreadMessages,
    queryFn: messages.unread,
    refetchInterval: refresh_ms,
    enabled: hasRole(me, 'requester', 'reader', 'reviewer', 'coordinator'),
  });
}

/** The last page of a conversation, and earlier ones as they are asked for. */
export function useConversation(consult: string) {
  const cache = useQueryClient();
  const conversation = useInfiniteQuery({
    queryKey: keys.messages(consult),
    queryFn: ({ pageParam }) => messages.list(consult, page, pageParam),
    initialPageParam: null as number | null,
    getNextPageParam: ({ messages: [first] }) => (first !== undefined && first.n > 1 ? first.n : null),
    refetchInterval: refresh_ms,
  });
  const { count, read } = conversation.data?.pages[0] ?? { count: 0, read: 0 };
  const isSeen = useSyncExternalStore(onVisibility, isVisible);
  // What is on a screen that somebody can see counts as read.
  useEffect(() => {
    if (count <= read || !isSeen) return;
    void messages.read(consult, count).then(
      () => cache.invalidateQueries({ queryKey: keys.unreadMessages }),
      () => undefined,
    );
  }, [consult, count, read, isSeen, cache]);
  return conversation;
}

/** `onSent` is called also when what the message was written in is not there any more. */
export function useWrite(consult: string, onSent: (message: NewMessage) => void) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (message: NewMessage) => messages.write(consult, message),
    retry: sentAgain,
    onSuccess: (_, message) => {
      onSent(message);
      return cache.invalidateQueries({ queryKey: keys.messages(consult) });
    },
  });
}
