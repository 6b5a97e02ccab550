/** The address that shows this field of view again, for somebody else or for later. */
import { Popover, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Icon } from '../icons';
import { usePane } from '../stage/pane';
import { InSlot } from '../stage/slots';
import { Tool } from '../Tool';
import { linkTo } from './address';

type Copied = { state: 'not' } | { state: 'copied' } | { state: 'by-hand'; link: string };

const said_ms = 2_500;

export function LinkTools() {
  const { t } = useTranslation();
  const { stage, slide, look } = usePane();
  const [copied, setCopied] = useState<Copied>({ state: 'not' });
  const copy = async () => {
    const view = stage.target();
    if (view === null) return;
    const link = linkTo(window.location.origin, slide.id, view, look);
    try {
      await navigator.clipboard.writeText(link);
      setCopied({ state: 'copied' });
      setTimeout(() => setCopied({ state: 'not' }), said_ms);
    } catch {
      // Without TLS browsers give no clipboard: the person copies by hand.
      setCopied({ state: 'by-hand', link });
    }
  };
  return (
    <InSlot name="layout">
      <Popover
        width={320}
        position="bottom-end"
        shadow="none"
        trapFocus={copied.state === 'by-hand'}
        opened={copied.state !== 'not'}
        onChange={(opened) => {
          if (!opened) setCopied({ state: 'not' });
        }}
      >
        <Popover.Target>
          <Tool name={t('slide.link.copy')} tip={t('slide.link.tip')} onClick={() => void copy()}>
            <Icon name="copyLink" />
          </Tool>
        </Popover.Target>
        <Popover.Dropdown>
          <div role="status">
            {copied.state === 'by-hand' ? (
              <TextInput label={t('slide.link.byHand')} value={copied.link} readOnly onFocus={(event) => event.currentTarget.select()} data-autofocus />
            ) : (
              t('slide.link.copied')
            )}
          </div>
        </Popover.Dropdown>
      </Popover>
    </InSlot>
  );
}
