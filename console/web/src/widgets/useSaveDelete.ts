import {useMutation, useQueryClient, type QueryKey} from '@tanstack/react-query'
import {ApiError, problemsOf} from '../api/client'
import {problemsByField} from '../lib/problems'

interface Options<T> {
  save: () => Promise<T>
  onSaved: (saved: T) => void
  /** Called only where the form offers a deletion. */
  remove: () => Promise<void>
  onRemoved: () => void
  /** The keys of what is read again after an attempt, whatever came of it. */
  changes: readonly QueryKey[]
  /** The fields of the form as the server names them. */
  fields: string[]
}

/** Saving and deleting for a form; all errors are of the latest attempt, whichever it was. */
export function useSaveDelete<T>({save, onSaved, remove, onRemoved, changes, fields}: Options<T>) {
  const queries = useQueryClient()
  const onSettled = () => changes.forEach((queryKey) => void queries.invalidateQueries({queryKey}))
  const saving = useMutation({mutationFn: save, onSuccess: onSaved, onSettled})
  const removing = useMutation({mutationFn: remove, onSuccess: onRemoved, onSettled})
  const error = saving.error ?? removing.error
  const found = problemsByField(problemsOf(error), fields)
  return {
    error,
    saveError: saving.error,
    /** Problems by the field that they are about. */
    problems: found.fields,
    /** What no field shows; null if there is nothing more to say. */
    otherError: beyondFields(error, Object.keys(found.fields).length > 0, found.rest),
    saving: saving.isPending,
    removing: removing.isPending,
    save: () => {
      removing.reset()
      saving.mutate()
    },
    remove: () => {
      saving.reset()
      removing.mutate()
    },
  }
}

function beyondFields(error: Error | null, inFields: boolean, rest: string[]): Error | null {
  if (rest.length === 0) return inFields ? null : error
  return error instanceof ApiError ? new ApiError(error.status, error.code, error.message, rest) : error
}
