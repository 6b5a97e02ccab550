/** Another tab has chosen another organisation: this page must not go on for the one that it shows. */
import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { onOtherOrganisation, showOrganisation } from '../api/client';
import type { Me } from '../api/types';

const aboveAll = 400;

export function OtherOrganisationDialog({ me }: { me: Me }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  useEffect(() => {
    onOtherOrganisation(() => setOpen(true));
    return () => onOtherOrganisation(null);
  }, []);
  useEffect(() => {
    showOrganisation(me.organisation.id);
    return () => showOrganisation(null);
  }, [me.organisation.id]);
  return (
    <Modal opened={open} onClose={() => undefined} withCloseButton={false} title={t('other.title')} zIndex={aboveAll} centered>
      <Stack gap="sm">
        <Text size="sm">{t('other.text', { name: me.organisation.name })}</Text>
        <Group justify="flex-end">
          <Button data-autofocus onClick={() => window.location.assign('/')}>
            {t('other.reload')}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
