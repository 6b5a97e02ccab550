/** The keys of every place, on one sheet. */
import { Box, Kbd, Modal, Stack, Table, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { label, places, rowsOf, type Place } from './keySheet';

function KeyGroup({ name }: { name: Place }) {
  const { t } = useTranslation();
  return (
    <Stack gap={4} mb="lg" style={{ breakInside: 'avoid' }}>
      <Text fw={600} size="sm">
        {t(`keys.group.${name}`)}
      </Text>
      <Table withRowBorders={false} verticalSpacing={2} horizontalSpacing={0}>
        <Table.Tbody>
          {rowsOf(name).map(([meaning, keys]) => (
            <Table.Tr key={meaning}>
              <Table.Td w={112}>
                <Kbd size="xs">{label(keys)}</Kbd>
              </Table.Td>
              <Table.Td>{t(`keys.${meaning}`)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Stack>
  );
}

export function KeysHelp({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Modal opened={opened} onClose={onClose} title={t('keys.title')} size={1080} closeButtonProps={{ 'aria-label': t('common.close') }}>
      {/* Groups are of very different length: in rows, most of the sheet would be empty. */}
      <Box style={{ columns: '280px' }}>
        {places.map((name) => (
          <KeyGroup key={name} name={name} />
        ))}
      </Box>
    </Modal>
  );
}
