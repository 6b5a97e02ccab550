/** Images of radiology that stand in a report: put there with one key; here they get their words and their order. */
import { ActionIcon, Text, TextInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { consults } from '../api/endpoints';
import type { Consult, FrameKeyImage, KeyImage } from '../api/types';
import { idOf, isFrame, keyImagesMax, moved } from './keyImagesOf';
import classes from './KeyImages.module.css';

interface Props {
  consult: Consult;
  chosen: readonly KeyImage[];
  /** `null`: they are only shown. */
  onChoose: ((chosen: KeyImage[]) => void) | null;
  onOpen: (image: FrameKeyImage) => void;
}

export function FrameKeyImages({ consult, chosen, onChoose, onOpen }: Props) {
  const { t } = useTranslation();
  if (onChoose === null && chosen.length === 0) return null;
  // The picture is the server's: it is there as soon as the report is saved.
  const saved = new Map((consult.report?.key_images ?? []).map((image) => [idOf(image), image.picture_sha256]));
  return (
    <section aria-label={t('notes.keyImages')} data-testid="key-images">
      <Text size="sm" fw={600}>
        {t('notes.keyImages')} {chosen.length > 0 && `${chosen.length}/${keyImagesMax}`}
      </Text>
      {chosen.length === 0 && (
        <Text size="xs" c="dimmed">
          {t('images.key.hint')}
        </Text>
      )}
      <ol className={classes.images}>
        {chosen.map((image, at) => {
          const [n, id] = [at + 1, idOf(image)];
          const sha256 = saved.get(id) ?? image.picture_sha256;
          const picture = sha256 === undefined ? <span className={classes.coming} /> : <img src={consults.picture(consult.id, sha256)} alt="" />;
          return (
            <li key={id} className={classes.image} data-saved={sha256 !== undefined}>
              {isFrame(image) ? (
                <button type="button" className={classes.open} aria-label={t('images.key.open', { n })} onClick={() => onOpen(image)}>
                  {picture}
                </button>
              ) : (
                picture
              )}
              {onChoose === null || !isFrame(image) ? (
                <Text size="xs">
                  {n} {image.name}
                </Text>
              ) : (
                <>
                  <TextInput
                    size="xs"
                    aria-label={t('images.key.caption', { n })}
                    placeholder={t('images.key.caption', { n })}
                    maxLength={200}
                    value={image.name}
                    onChange={(event) => onChoose(chosen.map((one) => (idOf(one) === id ? { ...image, name: event.currentTarget.value } : one)))}
                  />
                  <div className={classes.acts}>
                    <ActionIcon size="sm" variant="subtle" aria-label={t('images.key.earlier', { n })} disabled={at === 0} onClick={() => onChoose(moved(chosen, at, -1))}>
                      ←
                    </ActionIcon>
                    <ActionIcon size="sm" variant="subtle" aria-label={t('images.key.later', { n })} disabled={n === chosen.length} onClick={() => onChoose(moved(chosen, at, 1))}>
                      →
                    </ActionIcon>
                    <ActionIcon size="sm" variant="subtle" color="gray" aria-label={t('images.key.remove', { n })} onClick={() => onChoose(chosen.filter((one) => idOf(one) !== id))}>
                      ×
                    </ActionIcon>
                  </div>
                </>
              )}
            </li>
          );
        })}
      </ol>
    </section>
  );
}
