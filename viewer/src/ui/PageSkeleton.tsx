/** A page that is on its way: still shapes, nothing that moves. */
import { Skeleton, Stack } from '@mantine/core';

export function PageSkeleton({ rows = 6 }: { rows?: number }) {
  return (
    <Stack gap="xs" p="md" aria-busy="true">
      {Array.from({ length: rows }, (_, row) => (
        <Skeleton key={row} height={32} animate={false} />
      ))}
    </Stack>
  );
}
