/** A list with nothing in it says why, and what to do next. */
import { Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';

export function EmptyState({ title, hint, children }: { title: string; hint?: string; children?: ReactNode }) {
  return (
    <Stack align="center" gap="xs" py={64} px="md">
      <Text fw={600} ta="center">
        {title}
      </Text>
      {hint !== undefined && (
        <Text c="dimmed" size="sm" ta="center">
          {hint}
        </Text>
      )}
      {children}
    </Stack>
  );
}
