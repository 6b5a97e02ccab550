/** The key images of a report: pictures of bookmarks that stand in it. Its reader ticks which. */
import { Checkbox, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { consults } from '../api/endpoints';
import { bookmarks as calls, type Bookmark } from '../api/slideNotes';
import type { Consult, KeyImage } from '../api/types';
import { idOf, keyImagesMax } from './keyImagesOf';
import { useBookmarksOfCase } from './useBookmarksOfCase';
import classes from './KeyImages.module.css';

interface Props {
  consult: Consult;
  chosen: readonly KeyImage[];
  /** `null`: they are only shown. */
  onChoose: ((chosen: KeyImage[]) => void) | null;
}

export function KeyImages({ consult, chosen, onChoose }: Props) {
  const { t } = useTranslation();
  const offered = useBookmarksOfCase(consult, onChoose !== null);
  if (onChoose === null) {
    if (chosen.length === 0) return null;
    return (
      <section aria-label={t('notes.keyImages')}>
        <Text size="sm" fw={600}>
          {t('notes.keyImages')}
        </Text>
        <ul className={classes.images}>
          {chosen.map((image, index) => (
            <li key={idOf(image)} className={classes.image}>
              {image.picture_sha256 !== undefined && (
                <img src={consults.picture(consult.id, image.picture_sha256)} alt={t('notes.keyImage', { n: index + 1, name: image.name ?? '' })} />
              )}
              <Text size="xs">{image.name}</Text>
            </li>
          ))}
        </ul>
      </section>
    );
  }
  const isChosen = (id: string) => chosen.some((image) => idOf(image) === id);
  const toggle = (slide: string, bookmark: Bookmark) =>
    onChoose(isChosen(bookmark.id) ? chosen.filter((image) => idOf(image) !== bookmark.id) : [...chosen, { slide, bookmark: bookmark.id }]);
  return (
    <section aria-label={t('notes.keyImages')} data-testid="key-images">
      <Text size="sm" fw={600}>
        {t('notes.keyImages')} {chosen.length > 0 && chosen.length}
      </Text>
      {offered.length === 0 && (
        <Text size="xs" c="dimmed">
          {t('notes.keyImagesHint')}
        </Text>
      )}
      <ul className={classes.images}>
        {offered.map(({ slide, bookmark }) => (
          <li key={bookmark.id} className={classes.image} data-chosen={isChosen(bookmark.id) || undefined}>
            <img src={calls.picture(slide, bookmark.id)} alt="" loading="lazy" />
            <Checkbox
              size="xs"
              label={bookmark.name}
              aria-label={`${t('notes.intoReport')}: ${bookmark.name}`}
              checked={isChosen(bookmark.id)}
              disabled={!isChosen(bookmark.id) && chosen.length >= keyImagesMax}
              onChange={() => toggle(slide, bookmark)}
            />
          </li>
        ))}
      </ul>
      {chosen.length >= keyImagesMax && (
        <Text size="xs" c="dimmed">
          {t('notes.keyImagesFull')}
        </Text>
      )}
    </section>
  );
}
