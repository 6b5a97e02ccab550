/** A label with what it says, for reading; nothing when there is nothing to read. */
import { Text } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './Field.module.css';

export function Field({ label, children }: { label: string; children: ReactNode }) {
  if (children === '' || children === null || children === undefined) return null;
  return (
    <div>
      <Text size="xs" c="dimmed">
        {label}
      </Text>
      <div className={classes.value}>{children}</div>
    </div>
  );
}
