/** The form in which a template is written: what it is for, its sections, their fields. */
import { ActionIcon, Button, Checkbox, Group, NativeSelect, NumberInput, Stack, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { fieldKinds, type Template, type TemplateField, type TemplateSection } from './api';
import { asKind, choiceLines, choicesOf, moved, newField, newSection, replaced, without } from './edit';
import { fieldsOf } from './fill';
import classes from './Templates.module.css';

export function TemplateEditor({ template, onChange }: { template: Template; onChange: (template: Template) => void }) {
  const { t } = useTranslation();
  const change = (part: Partial<Template>) => onChange({ ...template, ...part });
  const sections = (next: TemplateSection[]) => change({ sections: next });
  const { title, body_part: bodyPart } = template;
  return (
    <Stack gap="md">
      <div className={classes.row}>
        <TextInput label={t('templates.name')} value={title.zh} onChange={(event) => change({ title: { ...title, zh: event.currentTarget.value } })} />
        <TextInput label={t('templates.nameEn')} value={title.en} onChange={(event) => change({ title: { ...title, en: event.currentTarget.value } })} />
        <NativeSelect
          label={t('templates.discipline')}
          value={template.kind}
          data={(['radiology', 'pathology'] as const).map((kind) => ({ value: kind, label: t(`templates.kind.${kind}`) }))}
          onChange={(event) => change({ kind: event.currentTarget.value === 'pathology' ? 'pathology' : 'radiology' })}
        />
      </div>
      <div className={classes.row}>
        <TextInput
          label={t('templates.modalities')}
          defaultValue={template.modalities.join(' ')}
          onChange={(event) => change({ modalities: event.currentTarget.value.toUpperCase().split(/[\s,]+/).filter((one) => one !== '') })}
        />
        <TextInput label={t('templates.bodyPart')} value={bodyPart.zh} onChange={(event) => change({ body_part: { ...bodyPart, zh: event.currentTarget.value } })} />
        <TextInput label={t('templates.bodyPartEn')} value={bodyPart.en} onChange={(event) => change({ body_part: { ...bodyPart, en: event.currentTarget.value } })} />
      </div>
      {template.sections.map((section, index) => (
        <SectionEditor
          key={index}
          section={section}
          taken={fieldsOf(template).map(({ key }) => key)}
          onChange={(next) => sections(replaced(template.sections, index, next))}
          onMove={(by) => sections(moved(template.sections, index, by))}
          onRemove={() => sections(without(template.sections, index))}
        />
      ))}
      <Group>
        <Button variant="default" onClick={() => sections([...template.sections, newSection(`section_${template.sections.length + 1}`, '')])}>
          {t('templates.addSection')}
        </Button>
      </Group>
    </Stack>
  );
}

interface MoveProps {
  name: string;
  onMove: (by: -1 | 1) => void;
  onRemove: () => void;
}

function Movers({ name, onMove, onRemove }: MoveProps) {
  const { t } = useTranslation();
  return (
    <Group gap={2} wrap="nowrap" className={classes.fixed}>
      <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t('templates.moveUp', { name })} onClick={() => onMove(-1)}>
        <span aria-hidden>↑</span>
      </ActionIcon>
      <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t('templates.moveDown', { name })} onClick={() => onMove(1)}>
        <span aria-hidden>↓</span>
      </ActionIcon>
      <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t('templates.removeItem', { name })} onClick={onRemove}>
        <span aria-hidden>×</span>
      </ActionIcon>
    </Group>
  );
}

interface SectionProps extends Omit<MoveProps, 'name'> {
  section: TemplateSection;
  /** Keys of fields in the whole template. */
  taken: readonly string[];
  onChange: (section: TemplateSection) => void;
}

function SectionEditor({ section, taken, onChange, onMove, onRemove }: SectionProps) {
  const { t } = useTranslation();
  const change = (part: Partial<TemplateSection>) => onChange({ ...section, ...part });
  const fields = section.fields ?? [];
  const setFields = (next: TemplateField[]) => change({ fields: next });
  return (
    <section className={classes.card} aria-label={t('templates.sectionNamed', { name: section.title.zh })}>
      <div className={classes.row}>
        <TextInput label={t('templates.sectionTitle')} value={section.title.zh} onChange={(event) => change({ title: { ...section.title, zh: event.currentTarget.value } })} />
        <TextInput label={t('templates.nameEn')} value={section.title.en} onChange={(event) => change({ title: { ...section.title, en: event.currentTarget.value } })} />
        <TextInput label={t('templates.code')} value={section.key} onChange={(event) => change({ key: event.currentTarget.value })} />
        <Movers name={section.title.zh} onMove={onMove} onRemove={onRemove} />
      </div>
      <Textarea label={t('templates.normal')} autosize minRows={2} value={section.normal} onChange={(event) => change({ normal: event.currentTarget.value })} />
      <Checkbox label={t('templates.textRequired')} checked={section.required} onChange={(event) => change({ required: event.currentTarget.checked })} />
      {fields.map((field, index) => (
        <FieldEditor
          key={index}
          field={field}
          onChange={(next) => setFields(replaced(fields, index, next))}
          onMove={(by) => setFields(moved(fields, index, by))}
          onRemove={() => setFields(without(fields, index))}
        />
      ))}
      <Group>
        <Button size="xs" variant="default" onClick={() => setFields([...fields, newField(taken)])}>
          {t('templates.addField')}
        </Button>
      </Group>
    </section>
  );
}

interface FieldProps extends Omit<MoveProps, 'name'> {
  field: TemplateField;
  onChange: (field: TemplateField) => void;
}

function FieldEditor({ field, onChange, onMove, onRemove }: FieldProps) {
  const { t } = useTranslation();
  const change = (part: Partial<TemplateField>) => onChange({ ...field, ...part });
  const [lines, setLines] = useState(() => choiceLines(field.choices ?? []));
  const bound = (text: string) => (text.trim() === '' ? null : text.trim());
  return (
    <div className={classes.fieldRow}>
      <div className={classes.row}>
        <TextInput label={t('templates.fieldLabel')} value={field.label.zh} onChange={(event) => change({ label: { ...field.label, zh: event.currentTarget.value } })} />
        <TextInput label={t('templates.nameEn')} value={field.label.en} onChange={(event) => change({ label: { ...field.label, en: event.currentTarget.value } })} />
        <TextInput label={t('templates.code')} value={field.key} onChange={(event) => change({ key: event.currentTarget.value })} />
        <NativeSelect
          label={t('templates.fieldKind')}
          value={field.kind}
          data={fieldKinds.map((kind) => ({ value: kind, label: t(`templates.fieldKinds.${kind}`) }))}
          onChange={(event) => onChange(asKind(field, fieldKinds.find((kind) => kind === event.currentTarget.value) ?? 'text'))}
        />
        <Movers name={field.label.zh} onMove={onMove} onRemove={onRemove} />
      </div>
      {field.kind === 'number' && (
        <div className={classes.row}>
          <TextInput label={t('templates.unit')} value={field.unit} onChange={(event) => change({ unit: event.currentTarget.value })} />
          <TextInput label={t('templates.min')} value={field.min ?? ''} onChange={(event) => change({ min: bound(event.currentTarget.value) })} />
          <TextInput label={t('templates.max')} value={field.max ?? ''} onChange={(event) => change({ max: bound(event.currentTarget.value) })} />
          <NumberInput label={t('templates.decimals')} min={0} max={6} value={field.decimals} onChange={(value) => change({ decimals: typeof value === 'number' ? value : 0 })} />
        </div>
      )}
      {(field.kind === 'choice' || field.kind === 'multi_choice') && (
        <Textarea
          label={t('templates.choices')}
          description={t('templates.choicesHint')}
          autosize
          minRows={3}
          value={lines}
          onChange={(event) => {
            setLines(event.currentTarget.value);
            change({ choices: choicesOf(event.currentTarget.value), default: [] });
          }}
        />
      )}
      <Checkbox label={t('templates.required')} checked={field.required} onChange={(event) => change({ required: event.currentTarget.checked })} />
    </div>
  );
}
