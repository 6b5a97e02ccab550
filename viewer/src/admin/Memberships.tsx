/** For which other organisations somebody works (多机构执业), and as what. */
import { Button, Group, MultiSelect, Select, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Membership, Organisation } from './api';
import { rolesIn } from './roles';

interface Props {
  memberships: Membership[];
  /** Organisations that are ours, but for the person's own. */
  others: Organisation[];
  onChange: (memberships: Membership[]) => void;
}

export function Memberships({ memberships, others, onChange }: Props) {
  const { t } = useTranslation();
  const free = others.filter(({ id }) => memberships.every((m) => m.organisation !== id));
  if (others.length === 0) return null;
  const named = (id: string) => others.find((one) => one.id === id);
  const put = (organisation: string, roles: string[]) =>
    onChange(
      memberships.map((m) =>
        m.organisation === organisation ? { organisation, roles: rolesIn(named(organisation)).filter((role) => roles.includes(role)) } : m,
      ),
    );
  // Where there is only one role, nobody need choose it.
  const add = (id: string) => {
    const roles = rolesIn(named(id));
    onChange([...memberships, { organisation: id, roles: roles.length === 1 ? [...roles] : [] }]);
  };
  return (
    <Stack gap="xs">
      <Text size="sm" fw={600}>
        {t('people.alsoFor')}
      </Text>
      <Text size="xs" c="dimmed">
        {t('people.alsoForHint')}
      </Text>
      {memberships.map(({ organisation, roles }) => (
        <Group key={organisation} gap="sm" align="flex-end">
          <MultiSelect
            flex={1}
            label={named(organisation)?.name ?? organisation}
            data={rolesIn(named(organisation)).map((role) => ({ value: role, label: t(`role.${role}`) }))}
            value={roles}
            onChange={(chosen) => put(organisation, chosen)}
          />
          <Button variant="default" onClick={() => onChange(memberships.filter((m) => m.organisation !== organisation))}>
            {t('people.removeMembership')}
          </Button>
        </Group>
      ))}
      {free.length > 0 && (
        <Select
          aria-label={t('people.addMembership')}
          placeholder={t('people.addMembership')}
          data={free.map(({ id, name }) => ({ value: id, label: name }))}
          value={null}
          onChange={(id) => id !== null && add(id)}
        />
      )}
    </Stack>
  );
}
