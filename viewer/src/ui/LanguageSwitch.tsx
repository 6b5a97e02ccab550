/** 中文 / English. */
import { Button } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { switchLanguage } from '../i18n';

export function LanguageSwitch() {
  const { t, i18n } = useTranslation();
  return (
    <Button
      variant="subtle"
      size="compact-sm"
      onClick={() => void switchLanguage(i18n.language === 'zh' ? 'en' : 'zh')}
    >
      {t('app.otherLanguage')}
    </Button>
  );
}
