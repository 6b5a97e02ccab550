/** Whether the study that is asked about is still arriving: then the question waits. */
import { useQuery } from '@tanstack/react-query';
import { studies } from '../api/endpoints';
import { keys } from '../api/queries';
import { useMe } from '../session/useMe';
import { useIsSending } from '../studies/DropZone';
import type { AskStudy } from './askDraft';

const whileItArrives_ms = 1_000;
const otherwise_ms = 5_000;

/** `inBackground`: a question waits for the answer, whichever page is in front. */
export function useArriving(study: AskStudy | null, { inBackground }: { inBackground: boolean }): { isArriving: boolean; look: () => Promise<boolean> } {
  const { organisation } = useMe();
  const isSending = useIsSending();
  const [org, uid] = [study?.org ?? '', study?.study_instance_uid ?? ''];
  const server = useQuery({
    queryKey: keys.arriving(org, uid),
    queryFn: () => studies.arriving(org, uid),
    enabled: org === organisation.id,
    refetchInterval: ({ state }) => (state.data?.is_arriving === true ? whileItArrives_ms : otherwise_ms),
    refetchIntervalInBackground: inBackground,
  });
  const look = async () => (await server.refetch()).data?.is_arriving ?? false;
  return { isArriving: isSending || (server.data?.is_arriving ?? false), look };
}
