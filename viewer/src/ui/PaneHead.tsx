/** Above a table: in a sentence what it is about, and what adds to it. */
import { Group, Text } from '@mantine/core';
import type { ReactNode } from 'react';

export function PaneHead({ hint, children }: { hint: string; children?: ReactNode }) {
  return (
    <Group justify="space-between" px="md" py="xs">
      <Text size="sm" c="dimmed">
        {hint}
      </Text>
      {children}
    </Group>
  );
}
