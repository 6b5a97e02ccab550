/** The room of a slide: thin bar above, the case's slides left, drawers right, one slide or two in all that is left. */
import { useCallback, useMemo, useState, type MouseEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { Slide } from '../api/types';
import { markOpen } from '../ui/timing';
import { useKeys } from '../ui/useKeys';
import { useTwin, type Side, type Stages } from './compare/useTwin';
import { Controls } from './controls/Controls';
import { Icon } from './icons';
import { ViewOffer } from '../messages/ViewOffer';
import { AddressKeeper } from './link/AddressKeeper';
import { LinkTools } from './link/LinkTools';
import { SlidePane, type Opening } from './SlidePane';
import classes from './Slides.module.css';
import { ToolContext } from './stage/pane';
import type { SlideStage } from './stage/SlideStage';
import { SlotPlace, SlotsProvider, toolbarGroups } from './stage/slots';
import { Tool } from './Tool';
import bar from './Toolbar.module.css';
import { Tray } from './tray/Tray';
import { useCaseSlides } from './tray/useCaseSlides';
import { useShared } from './useShared';

interface Props {
  slide: Slide;
  /** What the address says, where the viewer has the address to itself. */
  opening?: Opening;
  /** Whether the page's address follows what is seen. */
  keepsAddress?: boolean;
  /** Whether a slide of the study belongs to the request that is answered; all do where there is none. */
  isAskedAbout?: (slide: Slide) => boolean;
  /** Another slide of the case is wanted. */
  onOpen: (slide: Slide) => void;
  onDisplayed?: (sopInstanceUid: string) => void;
}

const always = () => true;

export default function SlideViewer({ slide, opening, keepsAddress = false, isAskedAbout = always, onOpen, onDisplayed }: Props) {
  const { t } = useTranslation();
  const together = useCaseSlides(slide);
  const [second, setSecond] = useState<Slide | null>(null);
  const [side, setSide] = useState<Side>('left');
  const active: Side = second === null ? 'left' : side;
  const current = active === 'right' && second !== null ? second : slide;
  const [stages, setStages] = useState<Stages>({ left: null, right: null });
  const twin = useTwin(stages, active);
  const [trayWanted, setTrayWanted] = useShared('farsight.slide.tray', true);
  const [tool, setTool] = useState<string | null>(null);
  const choice = useMemo(() => ({ tool, setTool }), [tool]);
  const [onStage] = useState(() => ({
    left: (stage: SlideStage | null) => setStages((now) => ({ ...now, left: stage })),
    right: (stage: SlideStage | null) => setStages((now) => ({ ...now, right: stage })),
  }));

  const open = (wanted: Slide) => {
    markOpen();
    if (active === 'right') setSecond(wanted);
    else if (wanted.id !== slide.id) onOpen(wanted);
  };
  const step = (by: 1 | -1) => {
    const at = together.findIndex(({ id }) => id === current.id);
    const next = together[(at + by + together.length) % together.length];
    if (together.length < 2 || next === undefined) return false;
    open(next);
    return true;
  };
  const besides = useCallback(() => {
    const at = together.findIndex(({ id }) => id === slide.id);
    setSecond((now) => (now === null ? (together[(at + 1) % together.length] ?? slide) : null));
    setSide('left');
  }, [together, slide]);

  useKeys(
    {
      // Tab changes the slide only while nothing but the slide has the focus; F6 goes to the toolbar and the tray.
      Tab: () => (isOnSlide() ? step(1) : false),
      'Shift+Tab': () => (isOnSlide() ? step(-1) : false),
      PageDown: () => step(1),
      PageUp: () => step(-1),
      F6: focusNextRegion,
      s: besides,
      k: () => (second === null ? false : twin.toggle()),
      t: () => setTrayWanted(!trayWanted),
      Escape: () => {
        // Tools and what is selected have come before: keys of a pane are asked first.
        if (second === null) return false;
        setSecond(null);
        return true;
      },
    },
    true,
    'within',
  );

  const trayShown = trayWanted && together.length > 1;
  return (
    <ToolContext value={choice}>
      <SlotsProvider>
        <div className={classes.viewer}>
          <div className={bar.bar} role="toolbar" aria-label={t('slide.tools')} data-region onClick={backToSlide}>
            {together.length > 1 && (
              <div className={bar.group}>
                <Tool name={t('slide.tray.title')} press="T" pressed={trayShown} onClick={() => setTrayWanted(!trayWanted)}>
                  <Icon name="tray" />
                </Tool>
              </div>
            )}
            {toolbarGroups.map((name) => (
              <SlotPlace key={name} name={name} className={bar.group} />
            ))}
            <div className={bar.group}>
              <Tool name={t('slide.beside')} press="S" pressed={second !== null} onClick={besides}>
                <Icon name="beside" />
              </Tool>
              {second !== null && (
                <Tool
                  name={t(twin.isLinked ? 'slide.linked' : 'slide.unlinked')}
                  tip={t(twin.isLinked ? 'slide.linkedTip' : 'slide.unlinkedTip')}
                  press="K"
                  pressed={twin.isLinked}
                  onClick={twin.toggle}
                >
                  <Icon name={twin.isLinked ? 'linked' : 'unlinked'} />
                </Tool>
              )}
            </div>
          </div>
          <div className={classes.middle} data-two={second !== null || undefined}>
            {trayShown && (
              <Tray
                slides={together}
                shown={[slide.id, ...(second === null ? [] : [second.id])]}
                active={current.id}
                isAskedAbout={isAskedAbout}
                onOpen={open}
              />
            )}
            <SlotPlace name="left" className={classes.drawer} />
            <SlidePane
              key={`left ${slide.id}`}
              slide={slide}
              isActive={active === 'left'}
              opening={opening}
              onActivate={() => setSide('left')}
              onStage={onStage.left}
              onDisplayed={onDisplayed}
            >
              <Controls onStep={step} />
              <LinkTools />
              <ViewOffer />
              {keepsAddress && active === 'left' && <AddressKeeper />}
            </SlidePane>
            {second !== null && (
              <SlidePane
                key={`right ${second.id}`}
                slide={second}
                isActive={active === 'right'}
                onActivate={() => setSide('right')}
                onStage={onStage.right}
                onDisplayed={onDisplayed}
              >
                <Controls onStep={step} />
                <LinkTools />
              </SlidePane>
            )}
            <SlotPlace name="right" className={classes.drawer} />
          </div>
        </div>
      </SlotsProvider>
    </ToolContext>
  );
}

const controls = 'a, button, input, select, textarea, summary, [tabindex]:not([tabindex="-1"])';

/** Whether the focus is where it is when nobody has chosen a control. */
function isOnSlide(): boolean {
  const at = document.activeElement;
  return at === null || at.closest('[data-page-keys]') !== null || !at.matches(controls);
}

/** After a press with the pointer the keys mean the slide again; whoever came by keyboard stays. */
function backToSlide(event: MouseEvent<HTMLElement>): void {
  const pressed = document.activeElement;
  if (event.detail === 0 || !(pressed instanceof HTMLButtonElement) || pressed.ariaHasPopup !== null) return;
  pressed.blur();
}

/** From the slide to the toolbar and the tray, and back. */
function focusNextRegion(): void {
  const regions = [...document.querySelectorAll<HTMLElement>('[data-region]')];
  const at = regions.findIndex((region) => region.contains(document.activeElement));
  const next = regions[at + 1];
  if (next === undefined && document.activeElement instanceof HTMLElement) document.activeElement.blur();
  next?.querySelector<HTMLElement>('button:not(:disabled)')?.focus();
}
