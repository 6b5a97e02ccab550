/** The one search box of a list. Escape leaves it. */
import { Kbd, TextInput } from '@mantine/core';
import type { KeyboardEvent, Ref } from 'react';
import { useTranslation } from 'react-i18next';

interface Props {
  ref?: Ref<HTMLInputElement>;
  value: string;
  onChange: (value: string) => void;
  placeholder: string;
}

export function SearchBox({ ref, value, onChange, placeholder }: Props) {
  const { t } = useTranslation();
  const leave = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.key === 'Escape' || event.key === 'Enter') event.currentTarget.blur();
  };
  return (
    <TextInput
      ref={ref}
      type="search"
      aria-label={t('common.search')}
      placeholder={placeholder}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      onKeyDown={leave}
      rightSection={<Kbd size="xs">/</Kbd>}
      rightSectionPointerEvents="none"
      w={{ base: '100%', sm: 260 }}
    />
  );
}
