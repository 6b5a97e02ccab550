/** A return route, new or changed. */
import { Autocomplete, Checkbox, Group, PasswordInput, SegmentedControl, Stack, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { devices } from '../api/endpoints';
import { keys } from '../api/queries';
import { ruleId } from '../devices/ruleId';
import { useMe } from '../session/useMe';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { deliveries, dicomForms, methods, type Method, type ReportForm, type ReturnRoute } from './api';

interface Props {
  /** Whose. */
  organisation: string;
  /** `null` for a new one. */
  route: ReturnRoute | null;
  taken: string[];
  onClose: () => void;
  onSaved: (route: ReturnRoute) => unknown;
}

export function RouteDialog({ organisation, route, taken, onClose, onSaved }: Props) {
  const { t } = useTranslation();
  const known = useQuery({ queryKey: keys.devices, queryFn: devices.list });
  const me = useMe();
  // Only one's own devices are listed; another organisation's is named by who knows it.
  const listed = me.organisation.id === organisation ? (known.data?.devices ?? []) : [];
  const reachable = listed.filter(({ contact }) => contact !== null).map(({ ae_title }) => ae_title);
  const [id, setId] = useState(route?.id ?? '');
  const [name, setName] = useState(route?.name ?? '');
  const [method, setMethod] = useState<Method>(route?.method ?? 'ae');
  const [title, setTitle] = useState(route?.ae_title ?? '');
  const [url, setUrl] = useState(route?.url ?? '');
  const [token, setToken] = useState<string | undefined>(undefined);
  const [chosen, setChosen] = useState<ReportForm[]>(route?.forms.filter((form) => form !== 'fhir') ?? ['sr', 'pdf', 'kos']);
  const isTaken = route === null && taken.includes(id);
  const hasTarget = method === 'ae' ? title.trim() !== '' : /^https?:\/\/./.test(url.trim());
  const ready = ruleId.test(id) && !isTaken && name.trim() !== '' && hasTarget && (method === 'webhook' || chosen.length > 0);
  return (
    <ConfirmDialog
      title={route === null ? t('route.addTitle') : t('route.changeTitle', { name: route.name })}
      consequences={[t(method === 'webhook' ? 'route.effectWebhook' : 'route.effect')]}
      confirm={t('common.save')}
      ready={ready}
      size="lg"
      onConfirm={async () => {
        const where = method === 'ae' ? { ae_title: title.trim() } : { url: url.trim() };
        const forms: ReportForm[] = method === 'webhook' ? ['fhir'] : chosen;
        await onSaved(await deliveries.putRoute(organisation, { id, name: name.trim(), method, ...where, token, forms }));
      }}
      onClose={onClose}
    >
      <Stack gap="sm">
        {route === null && (
          <TextInput
            label={t('route.id')}
            description={t('rules.idHint')}
            error={isTaken ? t('rules.taken') : id !== '' && !ruleId.test(id) && t('rules.idHint')}
            required
            data-autofocus
            value={id}
            onChange={(event) => setId(event.currentTarget.value)}
          />
        )}
        <TextInput
          label={t('route.name')}
          placeholder={t('route.nameExample')}
          required
          maxLength={60}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <SegmentedControl
          aria-label={t('route.method')}
          data={methods.map((value) => ({ value, label: t(`delivery.method.${value}`) }))}
          value={method}
          onChange={(value) => setMethod(methods.find((one) => one === value) ?? 'ae')}
        />
        {method === 'ae' && (
          <Autocomplete
            label={t('route.aeTitle')}
            description={t('rules.destinationHint')}
            required
            maxLength={16}
            data={reachable}
            value={title}
            onChange={setTitle}
          />
        )}
        {method !== 'ae' && (
          <TextInput
            label={t(method === 'stow' ? 'route.stowUrl' : 'route.webhookUrl')}
            description={t('route.urlHint')}
            required
            type="url"
            value={url}
            onChange={(event) => setUrl(event.currentTarget.value)}
          />
        )}
        {method === 'stow' && (
          <PasswordInput
            label={t('route.token')}
            description={t(route?.has_token === true ? 'route.tokenKept' : 'route.tokenHint')}
            autoComplete="off"
            value={token ?? ''}
            onChange={(event) => setToken(event.currentTarget.value)}
          />
        )}
        {method !== 'webhook' && (
          <Checkbox.Group
            label={t('route.forms')}
            value={chosen}
            onChange={(values) => setChosen(dicomForms.filter((form) => values.includes(form)))}
          >
            <Group mt={4}>
              {dicomForms.map((form) => (
                <Checkbox key={form} value={form} label={t(`delivery.form.${form}`)} />
              ))}
            </Group>
          </Checkbox.Group>
        )}
      </Stack>
    </ConfirmDialog>
  );
}
