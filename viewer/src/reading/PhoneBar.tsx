/** A signature waits on the signer's telephone: says so, with the code that the telephone shows, and leads back to it. */
import { Alert, Button, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import classes from './Reading.module.css';

export function PhoneBar({ code, onShow }: { code: string; onShow: () => void }) {
  const { t } = useTranslation();
  return (
    <Alert color="blue" variant="outline" role="status" data-testid="phone-bar">
      <div className={classes.phoneBar}>
        <Text size="sm">{t('sign.phone.bar', { code })}</Text>
        <Button size="compact-sm" variant="default" onClick={onShow}>
          {t('sign.phone.show')}
        </Button>
      </div>
    </Alert>
  );
}
