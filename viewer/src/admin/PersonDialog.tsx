/** An account, new or changed: who it is, what they do, and with which licence they sign. */
import { Checkbox, Group, SimpleGrid, Stack, TagsInput, Text, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { keys } from '../api/queries';
import type { Role } from '../api/types';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { modalities } from '../ui/modalities';
import { SubspecialtySelect } from '../ui/SubspecialtySelect';
import type { Subspecialty } from '../ui/subspecialties';
import { people, type Credential, type Membership, type Organisation, type Person } from './api';
import { Memberships } from './Memberships';
import { rolesIn, signs } from './roles';

const loginName = /^[a-z0-9._-]{2,32}$/;
const noLicence: Credential = { licence: '', scope: '', modalities: [], valid_from: '', valid_until: '' };

interface Props {
  person: Person | null;
  organisation: string;
  ours: Organisation[];
  onClose: () => void;
}

const same = (a: readonly string[], b: readonly string[]) => a.length === b.length && a.every((one) => b.includes(one));

export function PersonDialog({ person, organisation, ours, onClose }: Props) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const [login, setLogin] = useState(person?.login ?? '');
  const [name, setName] = useState(person?.name ?? '');
  const [title, setTitle] = useState(person?.title ?? '');
  const [roles, setRoles] = useState<Role[]>(person?.roles ?? []);
  const [licence, setLicence] = useState(person?.credential ?? noLicence);
  const [subspecialties, setSubspecialties] = useState<Subspecialty[]>(person?.subspecialties ?? []);
  const [memberships, setMemberships] = useState<Membership[]>(person?.memberships ?? []);
  const offered = rolesIn(ours.find(({ id }) => id === (person?.organisation ?? organisation)));
  const mayRoles = person === null || person.allowed.includes('roles');
  const hasLicence = licence.licence.trim() !== '';
  const licenceReady = !hasLicence || (licence.modalities.length > 0 && licence.valid_from !== '' && licence.valid_until !== '');
  const ready = name.trim() !== '' && roles.length > 0 && loginName.test(login) && licenceReady && memberships.every((m) => m.roles.length > 0);

  const save = async () => {
    const particulars = { name, title, credential: hasLicence ? licence : null, memberships, subspecialties };
    if (person === null) await people.create({ organisation, login, roles, ...particulars });
    else {
      const changed = await people.change(person, particulars);
      if (!same(roles, person.roles)) await people.changeRoles(changed, roles);
    }
  };
  const consequences = [
    t(person === null ? 'people.addText' : 'people.changeText'),
    ...(signs(roles) && !hasLicence ? [t('people.needsLicence')] : []),
    ...(signs(roles) && person?.has_signing_key !== true ? [t('people.needsKey')] : []),
  ];
  return (
    <ConfirmDialog
      title={person === null ? t('people.addTitle') : t('people.changeTitle', { name: person.name })}
      consequences={consequences}
      confirm={t('common.save')}
      ready={ready}
      size="lg"
      onConfirm={() => save().finally(() => cache.invalidateQueries({ queryKey: keys.people }))}
      onClose={onClose}
    >
      <Stack gap="sm">
        <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
          <TextInput
            label={t('people.name')}
            required
            data-autofocus
            maxLength={64}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <TextInput label={t('people.title')} maxLength={64} value={title} onChange={(event) => setTitle(event.currentTarget.value)} />
        </SimpleGrid>
        {person === null && (
          <TextInput
            label={t('people.login')}
            description={t('people.loginHint')}
            required
            maxLength={32}
            value={login}
            onChange={(event) => setLogin(event.currentTarget.value.toLowerCase())}
          />
        )}
        <Checkbox.Group
          label={t('people.roles')}
          description={t('people.rolesHint')}
          value={roles}
          onChange={(chosen) => setRoles(offered.filter((role) => chosen.includes(role)))}
        >
          <Group gap="sm" mt="xs">
            {offered.map((role) => (
              <Checkbox key={role} value={role} label={t(`role.${role}`)} disabled={!mayRoles} />
            ))}
          </Group>
        </Checkbox.Group>
        <LicenceFields licence={licence} onChange={setLicence} />
        <SubspecialtySelect label={t('people.subspecialties')} hint={t('people.subspecialtiesHint')} value={subspecialties} onChange={setSubspecialties} />
        <Memberships memberships={memberships} others={ours.filter(({ id }) => id !== (person?.organisation ?? organisation))} onChange={setMemberships} />
      </Stack>
    </ConfirmDialog>
  );
}

function LicenceFields({ licence, onChange }: { licence: Credential; onChange: (licence: Credential) => void }) {
  const { t } = useTranslation();
  const set = (part: Partial<Credential>) => onChange({ ...licence, ...part });
  return (
    <fieldset style={{ border: 0, padding: 0, margin: 0 }}>
      <Text component="legend" size="sm" fw={600}>
        {t('people.licence')}
      </Text>
      <Text size="xs" c="dimmed" mb="xs">
        {t('people.licenceHint')}
      </Text>
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
        <TextInput
          label={t('people.licenceNumber')}
          maxLength={32}
          value={licence.licence}
          onChange={(event) => set({ licence: event.currentTarget.value })}
        />
        <TextInput
          label={t('people.licenceScope')}
          maxLength={64}
          value={licence.scope}
          onChange={(event) => set({ scope: event.currentTarget.value })}
        />
        <TextInput
          type="date"
          label={t('people.licenceFrom')}
          value={licence.valid_from}
          onChange={(event) => set({ valid_from: event.currentTarget.value })}
        />
        <TextInput
          type="date"
          label={t('people.licenceUntil')}
          value={licence.valid_until}
          onChange={(event) => set({ valid_until: event.currentTarget.value })}
        />
      </SimpleGrid>
      <TagsInput
        mt="sm"
        label={t('people.licenceModalities')}
        description={t('people.licenceModalitiesHint')}
        data={modalities}
        value={licence.modalities}
        onChange={(chosen) => set({ modalities: chosen.map((modality) => modality.toUpperCase()) })}
      />
    </fieldset>
  );
}
