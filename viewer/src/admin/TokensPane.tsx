/** Bearer tokens: which machines may act for an organisation, what they may do, until when, and when they last did. */
import { Button, Checkbox, FileButton, Group, NumberInput, Stack, Table, Text, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { keys } from '../api/queries';
import { Chip } from '../ui/Chip';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import pane from '../ui/Pane.module.css';
import { PaneTable } from '../ui/PaneTable';
import { useFormat } from '../ui/useFormat';
import { tokenRights, tokens, type Organisation, type Token, type TokenRight } from './api';
import { OurOrganisation } from './OurOrganisation';
import { ShownOnce } from './ShownOnce';
import { useOurs } from './useOurs';

export function TokensPane() {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const { ours, chosen, choose } = useOurs();
  const list = useQuery({ queryKey: [...keys.tokens, chosen], queryFn: () => tokens.list(chosen) });
  const [adding, setAdding] = useState(false);
  const [revoking, setRevoking] = useState<Token | null>(null);
  if (list.isPending) return <PageSkeleton />;
  if (list.data === undefined) return <ErrorNotice error={list.error} onRetry={() => void list.refetch()} />;
  return (
    <>
      <Group justify="space-between" px="md" py="xs">
        <Text size="sm" c="dimmed" maw={720}>
          {t('tokens.hint')}
        </Text>
        <Group gap="sm">
          <OurOrganisation ours={ours} chosen={chosen} onChoose={choose} />
          <Button onClick={() => setAdding(true)}>{t('tokens.add')}</Button>
        </Group>
      </Group>
      {list.data.tokens.length === 0 ? (
        <EmptyState title={t('tokens.empty')} />
      ) : (
        <PaneTable columns={[t('tokens.purpose'), t('tokens.rights'), t('tokens.end'), t('tokens.lastUsed'), '']}>
          {list.data.tokens.map((token) => (
            <Row key={token.id} token={token} onRevoke={() => setRevoking(token)} />
          ))}
        </PaneTable>
      )}
      {adding && <TokenDialog organisation={chosen} offered={rightsIn(ours.find(({ id }) => id === chosen))} onClose={() => setAdding(false)} />}
      {revoking !== null && (
        <ConfirmDialog
          title={t('tokens.revokeTitle')}
          consequences={[t('tokens.revokeText', { purpose: revoking.purpose })]}
          confirm={t('tokens.revoke')}
          final
          onConfirm={() => tokens.revoke(revoking.id).finally(() => cache.invalidateQueries({ queryKey: keys.tokens }))}
          onClose={() => setRevoking(null)}
        />
      )}
    </>
  );
}

function Row({ token, onRevoke }: { token: Token; onRevoke: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <Table.Tr>
      <Table.Td>
        <strong>{token.purpose === '' ? t('tokens.noPurpose') : token.purpose}</strong>
        <div className={pane.quiet}>{token.id}</div>
        {token.certificate_sha256 !== null && (
          <div className={pane.quiet}>{t('tokens.bound', { sha256: token.certificate_sha256.slice(0, 16) })}</div>
        )}
      </Table.Td>
      <Table.Td data-label={t('tokens.rights')}>{token.rights.map((right) => t(`tokens.right.${right}`)).join(t('common.listSeparator'))}</Table.Td>
      <Table.Td data-label={t('tokens.end')}>
        {token.revoked_at !== null ? (
          <Chip tone="alarm">{t('tokens.revoked', { at: format.moment(token.revoked_at) })}</Chip>
        ) : (
          <>
            {token.expires_at === null ? t('tokens.never') : format.moment(token.expires_at)}{' '}
            {!token.is_good && <Chip tone="quiet">{t('tokens.over')}</Chip>}
          </>
        )}
      </Table.Td>
      <Table.Td data-label={t('tokens.lastUsed')}>
        {token.last_used_at === null ? (
          <span className={pane.quiet}>{t('tokens.unused')}</span>
        ) : (
          <>
            {format.moment(token.last_used_at)}
            <div className={pane.quiet}>{token.last_used_from}</div>
          </>
        )}
      </Table.Td>
      <Table.Td>
        {token.is_good && (
          <Button size="compact-sm" variant="default" onClick={onRevoke}>
            {t('tokens.revoke')}
          </Button>
        )}
      </Table.Td>
    </Table.Tr>
  );
}

const days = 180;

/** In a teaching collection a machine looks, like everybody. */
const rightsIn = (one: Organisation | undefined) => tokenRights.filter((right) => one?.kind !== 'collection' || right === 'search' || right === 'retrieve');

function TokenDialog({ organisation, offered, onClose }: { organisation: string; offered: TokenRight[]; onClose: () => void }) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const made = useRef(false);
  const [purpose, setPurpose] = useState('');
  const [rights, setRights] = useState<TokenRight[]>(offered.filter((right) => right === 'store' || right === 'search' || right === 'retrieve'));
  const [good, setGood] = useState<number | string>(days);
  const [certificate, setCertificate] = useState<File | null>(null);
  const [secret, setSecret] = useState<string | null>(null);
  if (secret !== null) {
    return <ShownOnce title={t('tokens.secret')} text={t('tokens.secretText')} label={t('tokens.secret')} secret={secret} onClose={onClose} />;
  }
  const create = async () => {
    const token = await tokens.create({ organisation, purpose, rights, days: Number(good), certificate: (await certificate?.text()) ?? null });
    made.current = true;
    setSecret(token.secret);
    await cache.invalidateQueries({ queryKey: keys.tokens });
  };
  return (
    <ConfirmDialog
      title={t('tokens.addTitle')}
      consequences={[t('tokens.addText')]}
      confirm={t('tokens.add')}
      ready={purpose.trim() !== '' && rights.length > 0 && Number(good) >= 1 && Number(good) <= 365}
      onConfirm={create}
      onClose={() => {
        if (!made.current) onClose();
      }}
    >
      <Stack gap="sm">
        <TextInput
          label={t('tokens.purpose')}
          description={t('tokens.purposeHint')}
          required
          data-autofocus
          maxLength={64}
          value={purpose}
          onChange={(event) => setPurpose(event.currentTarget.value)}
        />
        <Checkbox.Group
          label={t('tokens.rights')}
          value={rights}
          onChange={(chosen) => setRights(offered.filter((right) => chosen.includes(right)))}
        >
          <Group gap="sm" mt="xs">
            {offered.map((right) => (
              <Checkbox key={right} value={right} label={t(`tokens.right.${right}`)} />
            ))}
          </Group>
        </Checkbox.Group>
        <NumberInput label={t('tokens.days')} min={1} max={365} value={good} onChange={setGood} />
        <Group gap="sm">
          <FileButton onChange={setCertificate} accept=".pem,.crt,.cer">
            {(props) => (
              <Button variant="default" {...props}>
                {t('tokens.certificate')}
              </Button>
            )}
          </FileButton>
          <Text size="sm" c="dimmed" flex={1}>
            {certificate === null ? t('tokens.certificateHint') : certificate.name}
          </Text>
        </Group>
      </Stack>
    </ConfirmDialog>
  );
}
