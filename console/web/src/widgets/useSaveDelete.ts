import {useMutation, useQueryClient, type QueryKey} from '@tanstack/react-query'

interface Options<T> {
  save: () => Promise<T>
  onSaved: (saved: T) => void
  /** Called only where the form offers a deletion. */
  remove: () => Promise<void>
  onRemoved: () => void
  /** The keys of what is read again after an attempt, whatever came of it. */
  changes: readonly QueryKey[]
}

/** Saving and deleting for a form; the error is that of the latest attempt, whichever it was. */
export function useSaveDelete<T>({save, onSaved, remove, onRemoved, changes}: Options<T>) {
  const queries = useQueryClient()
  const onSettled = () => changes.forEach((queryKey) => void queries.invalidateQueries({queryKey}))
  const saving = useMutation({mutationFn: save, onSuccess: onSaved, onSettled})
  const removing = useMutation({mutationFn: remove, onSuccess: onRemoved, onSettled})
  return {
    saveError: saving.error,
    error: saving.error ?? removing.error,
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
