/** The keys of every place, on one sheet. */
import { Box, Kbd, Modal, Stack, Table, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';

const groups = {
  everywhere: { '?': 'help', '/': 'search', 'g w': 'worklist', Esc: 'back' },
  worklist: { 'j k ↑ ↓ Home End': 'move', Enter: 'open', Space: 'preview', c: 'claim' },
  images: {
    '↑ ↓ Home End': 'scroll',
    '1–9': 'presets',
    'w z p u': 'view',
    'l a c y': 'measureLines',
    'e b d t': 'measureRegions',
    i: 'invert',
    'r h v': 'turnFlip',
    x: 'reset',
    '[ ]': 'series',
    '← →': 'viewport',
    'Alt+1 … 4': 'layout',
    's, Shift+s': 'linkStacks',
    'Shift+r': 'referenceLines',
    k: 'keyImage',
    m: 'mpr',
    'o, Shift+o': 'segments',
    'Space , .': 'cine',
    Delete: 'removeMeasure',
  },
  mpr: { '← → ↑ ↓': 'mprPlanes', '+ -': 'mprSlab', o: 'mprProjection', 'm, Esc': 'mprClose' },
  slide: {
    '1–7': 'magnification',
    '+ -': 'step',
    '← ↑ → ↓': 'move4',
    'Space + ↔': 'movePointer',
    'q e': 'turn',
    'Shift q e': 'quarter',
    m: 'mirror',
    x: 'upright',
    'l a f c': 'measure',
    'o b': 'notes',
    Enter: 'point',
    Delete: 'remove',
    'Tab, PgDn': 'nextSlide',
    s: 'beside',
    k: 'link',
    t: 'tray',
    '[ ]': 'plane',
    i: 'unaltered',
    F6: 'region',
  },
  orders: { '[ ]': 'day', t: 'today', n: 'new', '1–3': 'tabs' },
  report: {
    'Ctrl+Enter': 'sign',
    n: 'next',
    'Ctrl+P': 'page',
    'Ctrl+D': 'priorReports',
    'Ctrl+K': 'phrases',
    '/… Tab': 'expand',
    '1–9, Del': 'choose',
  },
} as const;

type GroupName = keyof typeof groups;

function KeyGroup({ name }: { name: GroupName }) {
  const { t } = useTranslation();
  return (
    <Stack gap={4} mb="lg" style={{ breakInside: 'avoid' }}>
      <Text fw={600} size="sm">
        {t(`keys.group.${name}`)}
      </Text>
      <Table withRowBorders={false} verticalSpacing={2} horizontalSpacing={0}>
        <Table.Tbody>
          {Object.entries(groups[name]).map(([press, meaning]) => (
            <Table.Tr key={press}>
              <Table.Td w={112}>
                <Kbd size="xs">{press}</Kbd>
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
        {(Object.keys(groups) as GroupName[]).map((name) => (
          <KeyGroup key={name} name={name} />
        ))}
      </Box>
    </Modal>
  );
}
