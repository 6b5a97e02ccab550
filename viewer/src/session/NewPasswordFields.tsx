/** A new password, twice, with the one rule that there is. */
import { PasswordInput, Stack } from '@mantine/core';
import { useTranslation } from 'react-i18next';

export const passwordMin = 8;

export interface NewPassword {
  password: string;
  again: string;
}

export const noPassword: NewPassword = { password: '', again: '' };

export function isReady({ password, again }: NewPassword): boolean {
  return [...password].length >= passwordMin && password === again;
}

export function NewPasswordFields({ value, onChange }: { value: NewPassword; onChange: (value: NewPassword) => void }) {
  const { t } = useTranslation();
  const toggle = { 'aria-label': t('login.showPassword') };
  return (
    <Stack gap="sm">
      <PasswordInput
        label={t('password.new')}
        description={t('password.rule')}
        autoComplete="new-password"
        required
        withAsterisk={false}
        visibilityToggleButtonProps={toggle}
        value={value.password}
        onChange={(event) => onChange({ ...value, password: event.currentTarget.value })}
      />
      <PasswordInput
        label={t('password.again')}
        autoComplete="new-password"
        required
        withAsterisk={false}
        error={value.again !== '' && value.again !== value.password && t('password.differ')}
        visibilityToggleButtonProps={toggle}
        value={value.again}
        onChange={(event) => onChange({ ...value, again: event.currentTarget.value })}
      />
    </Stack>
  );
}
