import {Textarea, TextInput, type TextInputProps} from '@mantine/core'
import type {TypedScope} from './scope'

interface Props {
  typed: TypedScope
  onChange: (typed: TypedScope) => void
  /** Problems by field, as the server names the fields. */
  problems: Record<string, string>
}

/** The fields of a scope that the user writes. */
export function ScopeFields({typed, onChange, problems}: Props) {
  const field = (name: keyof TypedScope, error: string | undefined) =>
    ({
      value: typed[name],
      onChange: (e) => onChange({...typed, [name]: e.currentTarget.value}),
      error,
      classNames: {input: 'mono'},
    }) satisfies TextInputProps
  return (
    <>
      <TextInput
        label="Rules"
        description="An id, a range of ids or a tag"
        placeholder="942100, 942100-942199 or attack-sqli"
        {...field('rules', problems.rule_id ?? problems.rule_id_last ?? problems.tag)}
      />
      <TextInput
        label="Variable"
        description="What the rules no longer look at; empty takes the whole rules away"
        placeholder="ARGS:q or REQUEST_COOKIES:/^sess/"
        {...field('target', problems.target)}
      />
      <TextInput
        label="Path"
        description="This path and what is below it; empty for every path"
        placeholder="/search"
        {...field('path', problems.path_prefix)}
      />
      <TextInput label="Methods" description="Empty for any" placeholder="GET, POST" {...field('methods', problems.methods)} />
      <Textarea
        label="Clients"
        description="Networks, one a line; empty for everybody"
        placeholder="10.0.0.0/8"
        autosize
        minRows={1}
        value={typed.sources}
        onChange={(e) => onChange({...typed, sources: e.currentTarget.value})}
        error={problems.sources}
        classNames={{input: 'mono'}}
      />
    </>
  )
}
