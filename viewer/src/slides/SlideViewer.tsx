/** The room of a slide: thin bar above, the case's slides left, drawers right, the slide in all that is left. */
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Slide } from '../api/types';
import { SlidePane } from './SlidePane';
import classes from './Slides.module.css';
import type { FieldOfView } from './stage/geometry';
import { ToolContext } from './stage/pane';
import { SlotPlace, SlotsProvider, toolbarGroups } from './stage/slots';
import bar from './Toolbar.module.css';

interface Props {
  slide: Slide;
  start?: FieldOfView | null;
  onDisplayed?: (sopInstanceUid: string) => void;
}

export default function SlideViewer({ slide, start, onDisplayed }: Props) {
  const { t } = useTranslation();
  const [tool, setTool] = useState<string | null>(null);
  const choice = useMemo(() => ({ tool, setTool }), [tool]);
  return (
    <ToolContext value={choice}>
      <SlotsProvider>
        <div className={classes.viewer}>
          <div className={bar.bar} role="toolbar" aria-label={t('slide.tools')}>
            {toolbarGroups.map((name) => (
              <SlotPlace key={name} name={name} className={bar.group} />
            ))}
          </div>
          <div className={classes.middle}>
            <SlotPlace name="left" className={classes.drawer} />
            <SlidePane key={slide.id} slide={slide} isActive start={start} onDisplayed={onDisplayed} />
            <SlotPlace name="right" className={classes.drawer} />
          </div>
        </div>
      </SlotsProvider>
    </ToolContext>
  );
}
