/** What was filled into a template, in the words of the report; for whoever only reads it. */
import { Field } from '../ui/Field';
import type { Structured } from './api';
import classes from './Templates.module.css';

export function FilledFields({ structured }: { structured: Structured }) {
  return (
    <>
      {structured.sections.map(({ key, title, text }) => {
        const fields = structured.fields.filter(({ section }) => section === key);
        if (fields.length === 0 && (text ?? '') === '') return null;
        return (
          <Field key={key} label={title}>
            {fields.length > 0 && (
              <dl className={classes.values}>
                {fields.map((field) => (
                  <div key={field.key} style={{ display: 'contents' }}>
                    <dt>{field.label}</dt>
                    <dd>{field.text}</dd>
                  </div>
                ))}
              </dl>
            )}
            {text}
          </Field>
        );
      })}
    </>
  );
}
