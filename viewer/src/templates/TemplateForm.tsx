/** A report by its template: each section with its fields, then its text. To write, or only to read. */
import { Button, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Field } from '../ui/Field';
import type { Phrase, Template, TemplateField } from './api';
import type { Known } from './expand';
import { FieldInput } from './FieldInput';
import { textOf, withText, withValues, type Filled } from './fill';
import { PhraseArea } from './PhraseArea';
import classes from './Templates.module.css';
import { useWords } from './useTemplates';

export interface Writing {
  phrases: readonly Phrase[];
  known: Known;
  dictates: boolean;
  onWrite: (part: Partial<Filled>) => void;
}

interface Props {
  template: Template;
  filled: Filled;
  /** `null`: it is only read. */
  writing: Writing | null;
}

export function TemplateForm({ template, filled, writing }: Props) {
  const { t } = useTranslation();
  const word = useWords();
  return (
    <>
      {template.sections.map((section) => {
        const text = textOf(filled, section.key);
        const fields = section.fields ?? [];
        const title = word(section.title);
        if (writing === null) {
          const has = fields.some(({ key }) => (filled.values[key] ?? []).length > 0);
          if (!has && text === '') return null;
          return (
            <section key={section.key} className={classes.section} aria-label={title}>
              {has && <FilledValues title={title} fields={fields} filled={filled} />}
              {text !== '' && <Field label={title}>{section.key === 'diagnosis' ? <strong>{text}</strong> : text}</Field>}
            </section>
          );
        }
        return (
          <div key={section.key} className={classes.section}>
            {fields.length > 0 && (
              <div className={classes.fields}>
                {fields.map((field) => (
                  <FieldInput
                    key={field.key}
                    field={field}
                    values={filled.values[field.key] ?? []}
                    onChange={(values) => writing.onWrite(withValues(filled, field.key, values))}
                  />
                ))}
              </div>
            )}
            <PhraseArea
              label={title}
              required={section.required || section.key === 'diagnosis' || (section.key === 'findings' && fields.length === 0)}
              minRows={section.key === 'findings' ? 5 : 2}
              value={text}
              phrases={writing.phrases}
              known={writing.known}
              dictates={writing.dictates}
              onWrite={(next) => writing.onWrite(withText(filled, section.key, next))}
            />
            {section.normal !== '' && text.trim() === '' && (
              <Button
                size="compact-xs"
                variant="subtle"
                color="gray"
                justify="flex-start"
                onClick={() => writing.onWrite(withText(filled, section.key, section.normal))}
              >
                {t('templates.fillNormal', { part: title })}
              </Button>
            )}
          </div>
        );
      })}
    </>
  );
}

function FilledValues({ title, fields, filled }: { title: string; fields: readonly TemplateField[]; filled: Filled }) {
  const shown = useShownValue();
  const word = useWords();
  return (
    <div>
      <Text size="xs" c="dimmed">
        {title}
      </Text>
      <dl className={classes.values}>
        {fields
          .filter(({ key }) => (filled.values[key] ?? []).length > 0)
          .map((field) => (
            <div key={field.key} style={{ display: 'contents' }}>
              <dt>{word(field.label)}</dt>
              <dd>{shown(field, filled.values[field.key] ?? [])}</dd>
            </div>
          ))}
      </dl>
    </div>
  );
}

function useShownValue(): (field: TemplateField, values: readonly string[]) => string {
  const { t } = useTranslation();
  const word = useWords();
  return (field, values) =>
    values
      .map((value) => {
        if (field.kind === 'yes_no') return t(value === 'yes' ? 'common.yes' : 'common.no');
        const choice = field.choices?.find(({ code }) => code === value);
        if (choice !== undefined) return word(choice);
        return field.unit === '' ? value : `${value} ${field.unit}`;
      })
      .join(t('common.listSeparator'));
}
